import { ErrorNote } from "../shared/ErrorNote/ErrorNote";
import { IntervalMark } from "../shared/IntervalMark/IntervalMark";
import { count } from "../shared/numbers";
import { interval, moment, percent, words } from "./format";
import { Invitations, Invite } from "./Invitations";
import { Loading } from "./Loading";
import type { Invitation, Message, Person } from "./types";
import { type Resource, useResource } from "./useResource";

export function PeoplePage({ slug }: { slug: string }) {
  const base = `staff/projects/${slug}`;
  const people = useResource<Person[]>(`${base}/people`);
  const invitations = useResource<Invitation[]>(`${base}/invitations`);
  const messages = useResource<Message[]>(`${base}/messages`);

  return (
    <div class="stack">
      <Invite base={base} onMade={invitations.reload} />
      <People people={people} />
      <ErrorNote error={invitations.error} onRetry={invitations.reload} />
      <Invitations base={base} list={invitations.data ?? []} onChange={invitations.reload} />
      <Messages messages={messages} />
    </div>
  );
}

function People({ people }: { people: Resource<Person[]> }) {
  return (
    <section class="card stack">
      <h2>People</h2>
      <p class="soft small">
        Agreement is how often somebody's answer is what turned out, with a 95 % interval. It is
        seen here only.
      </p>
      <ErrorNote error={people.error} onRetry={people.reload} />
      {!people.data && !people.error && <Loading />}
      {people.data?.length === 0 && (
        <p class="empty">Nobody has joined yet. Make a link above and send it.</p>
      )}
      {people.data && people.data.length > 0 && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a wide table must scroll by keyboard too.
        <section class="table-scroll" tabIndex={0} aria-label="People">
          <table class="plain-table people-table">
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col">Role</th>
                <th scope="col" class="num">
                  Answers
                </th>
                <th scope="col" class="skill-column">
                  Agreement
                </th>
                <th scope="col">Last seen</th>
              </tr>
            </thead>
            <tbody>
              {people.data.map((person) => (
                <PersonRow key={person.id} person={person} />
              ))}
            </tbody>
          </table>
        </section>
      )}
    </section>
  );
}

function PersonRow({ person }: { person: Person }) {
  return (
    <tr>
      <th scope="row" class="wrap person-name">
        {person.display_name}{" "}
        {person.paused && (
          <span class="pill" data-tone="warn">
            paused
          </span>
        )}
      </th>
      <td>{words(person.role)}</td>
      <td class="num">{count(person.answers)}</td>
      <td class="person-skill">
        <Skill skill={person.skill} />
      </td>
      <td class="nowrap">{moment(person.last_seen_at)}</td>
    </tr>
  );
}

function Skill({ skill }: { skill: Person["skill"] }) {
  if (!skill) return <span class="soft">not known yet</span>;
  const { estimate, low, high, n } = skill;
  return (
    <div class="skill" data-pale={n < 10}>
      <IntervalMark estimate={estimate} low={low} high={high} />
      <span class="nowrap">
        {percent(estimate)}{" "}
        <span class="soft small">
          {interval(low, high)}, {Math.round(n)} checked
        </span>
      </span>
    </div>
  );
}

function Messages({ messages }: { messages: Resource<Message[]> }) {
  return (
    <section class="card stack">
      <h2>Messages from volunteers</h2>
      <ErrorNote error={messages.error} onRetry={messages.reload} />
      {messages.data?.length === 0 && (
        <p class="empty">None. Volunteers write by “Contact” on the labeling page.</p>
      )}
      <ul class="lines">
        {(messages.data ?? []).map((message) => (
          <li key={message.id} class="message">
            <p>{message.text}</p>
            <p class="soft small">
              {message.display_name}, {moment(message.created_at)}
            </p>
          </li>
        ))}
      </ul>
    </section>
  );
}
