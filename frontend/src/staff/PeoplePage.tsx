import { useState } from "preact/hooks";
import { api } from "../api/client";
import { Button } from "../shared/Button/Button";
import { ErrorNote } from "../shared/ErrorNote/ErrorNote";
import { toast } from "../shared/Toast/Toast";
import { interval, moment, percent } from "./format";
import type { Invitation, Message, Person } from "./types";
import { useAction } from "./useAction";
import { useResource } from "./useResource";

const ROLES = { VOLUNTEER: "volunteer", EXPERT: "expert", MANAGER: "manager" };

export function PeoplePage({ slug }: { slug: string }) {
  const base = `staff/projects/${slug}`;
  const people = useResource<Person[]>(`${base}/people`);
  const invitations = useResource<Invitation[]>(`${base}/invitations`);
  const messages = useResource<Message[]>(`${base}/messages`);

  return (
    <div class="stack">
      <Invite base={base} onMade={invitations.reload} />
      <section class="card stack">
        <h2>People</h2>
        <ErrorNote error={people.error} onRetry={people.reload} />
        <div class="table-scroll">
          <table class="plain-table">
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col">Role</th>
                <th scope="col" class="num">
                  Answers
                </th>
                <th scope="col">Agreement</th>
                <th scope="col">Last seen</th>
              </tr>
            </thead>
            <tbody>
              {(people.data ?? []).map((person) => (
                <tr key={person.id}>
                  <th scope="row">{person.display_name}</th>
                  <td>{person.role.toLowerCase()}</td>
                  <td class="num">{person.answers}</td>
                  <td>
                    {person.skill
                      ? `${percent(person.skill.estimate)} (${interval(person.skill.low, person.skill.high)}, ${person.skill.n} checked)`
                      : "not known yet"}
                  </td>
                  <td>{moment(person.last_seen_at)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
        {people.data?.length === 0 && <p class="soft">Nobody has joined yet.</p>}
      </section>
      <Invitations base={base} list={invitations.data ?? []} onChange={invitations.reload} />
      <section class="card stack">
        <h2>Messages from volunteers</h2>
        <ErrorNote error={messages.error} />
        {messages.data?.length === 0 && <p class="soft">None.</p>}
        <ul class="messages">
          {(messages.data ?? []).map((message) => (
            <li key={`${message.created_at}${message.text}`}>
              <p>{message.text}</p>
              <p class="soft small">
                {message.display_name ?? message.annotator}, {moment(message.created_at)}
              </p>
            </li>
          ))}
        </ul>
      </section>
    </div>
  );
}

function Invite({ base, onMade }: { base: string; onMade: () => void }) {
  const [role, setRole] = useState("VOLUNTEER");
  const [limit, setLimit] = useState(100);
  const [days, setDays] = useState(30);
  const [made, setMade] = useState<Invitation | null>(null);
  const { busy, run } = useAction();

  const submit = (event: Event) => {
    event.preventDefault();
    void run(async () => {
      const body = { role, use_limit: limit, days };
      setMade(await api.post<Invitation>(`${base}/invitations`, body));
      onMade();
    });
  };

  return (
    <section class="card stack">
      <h2>Invite by link</h2>
      <form class="invite-form" onSubmit={submit}>
        <div class="field">
          <label for="invite-role">As</label>
          <select
            id="invite-role"
            class="input"
            value={role}
            onChange={(event) => setRole(event.currentTarget.value)}
          >
            {Object.entries(ROLES).map(([key, name]) => (
              <option key={key} value={key}>
                {name}
              </option>
            ))}
          </select>
        </div>
        <div class="field">
          <label for="invite-limit">People at most</label>
          <input
            id="invite-limit"
            class="input"
            type="number"
            min={1}
            max={10000}
            value={limit}
            onInput={(event) => setLimit(event.currentTarget.valueAsNumber)}
          />
        </div>
        <div class="field">
          <label for="invite-days">Days it works</label>
          <input
            id="invite-days"
            class="input"
            type="number"
            min={1}
            max={365}
            value={days}
            onInput={(event) => setDays(event.currentTarget.valueAsNumber)}
          />
        </div>
        <Button type="submit" tone="primary" busy={busy}>
          Make a link
        </Button>
      </form>
      {made?.url && <MadeLink invitation={made} url={made.url} />}
    </section>
  );
}

function MadeLink({ invitation, url }: { invitation: Invitation; url: string }) {
  const copy = () =>
    navigator.clipboard
      .writeText(url)
      .then(() => toast("Copied.", "good"))
      .catch(() => toast("Please copy it by hand.", "danger"));
  return (
    <div class="made-link" role="status">
      {invitation.qr_svg && (
        <img
          class="qr"
          alt="QR code of the link"
          src={`data:image/svg+xml;utf8,${encodeURIComponent(invitation.qr_svg)}`}
        />
      )}
      <div class="stack">
        <p>
          Shown this once; only its fingerprint is stored. It works until{" "}
          {moment(invitation.expires_at)}.
        </p>
        <code class="link-text">{url}</code>
        <div>
          <Button size="s" onClick={copy}>
            Copy
          </Button>
        </div>
      </div>
    </div>
  );
}

function Invitations({
  base,
  list,
  onChange,
}: {
  base: string;
  list: Invitation[];
  onChange: () => void;
}) {
  const { busy, run } = useAction();
  if (list.length === 0) return null;
  return (
    <section class="card stack">
      <h2>Open invitations</h2>
      <ul class="messages">
        {list.map((invitation) => (
          <li key={invitation.id} class="row">
            <span class="grow">
              {invitation.role.toLowerCase()}, used {invitation.uses ?? 0} of {invitation.use_limit}
              , until {moment(invitation.expires_at)}
            </span>
            {invitation.revoked_at ? (
              <span class="pill">withdrawn</span>
            ) : (
              <Button
                size="s"
                tone="quiet"
                busy={busy}
                onClick={() =>
                  run(
                    () => api.post(`${base}/invitations/${invitation.id}/revoke`),
                    "Withdrawn.",
                  ).then(onChange)
                }
              >
                Withdraw
              </Button>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}
