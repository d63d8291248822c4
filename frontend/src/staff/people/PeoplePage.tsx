import { useMemo, useState } from "preact/hooks";
import { Button } from "../../shared/Button/Button";
import { ErrorNote } from "../../shared/ErrorNote/ErrorNote";
import { percent } from "../format";
import { Invitations, Invite } from "../Invitations";
import { Loading } from "../Loading";
import type { ProjectSettings } from "../types";
import { type Resource, useResource } from "../useResource";
import { AgreementSection } from "./AgreementSection";
import { Messages } from "./Messages";
import { PersonRow } from "./PersonRow";
import { namedApart, ORDERS, type Order, shareOf, sorted } from "./people";
import type { Invitation, Person } from "./types";
import "./people.css";
import { ShowAll } from "../ShowAll";

export function PeoplePage({ slug }: { slug: string }) {
  const base = `staff/projects/${slug}`;
  const people = useResource<Person[]>(`${base}/people`);
  const project = useResource<ProjectSettings>(base);
  const invitations = useResource<Invitation[]>(`${base}/invitations`);
  const isEmpty = people.data?.length === 0;
  // Not before its place is known: what is typed would be lost when it moves.
  const isSettled = people.data !== null || people.error !== null;
  const invite = <Invite base={base} onMade={invitations.reload} />;

  return (
    <div class="stack">
      {isEmpty && invite}
      <People base={base} people={people} settings={project.data} />
      <AgreementSection slug={slug} />
      <Messages base={base} />
      {isSettled && !isEmpty && invite}
      <ErrorNote error={invitations.error} onRetry={invitations.reload} />
      <Invitations base={base} list={invitations.data ?? []} onChange={invitations.reload} />
    </div>
  );
}

/** So many people are shown before somebody asks for all. */
const ROWS_AT_FIRST = 25;

interface PeopleProps {
  base: string;
  people: Resource<Person[]>;
  settings: ProjectSettings | null;
}

function People({ base, people, settings }: PeopleProps) {
  const [order, setOrder] = useState<Order>("answers");
  const [open, setOpen] = useState<string | null>(null);
  const [isAll, setAll] = useState(false);
  const floor = typeof settings?.skill_floor === "number" ? settings.skill_floor : undefined;
  const all = useMemo(() => namedApart(people.data ?? []), [people.data]);
  return (
    <section class="card stack">
      <div class="section-head">
        <h2>People</h2>
        {all.length > 1 && <OrderChoice order={order} onChange={setOrder} />}
      </div>
      <ErrorNote error={people.error} onRetry={people.reload} />
      {!people.data && !people.error && <Loading />}
      {people.data?.length === 0 && (
        <p class="empty">Nobody has joined yet. Make a link above and send it.</p>
      )}
      {all.length > 0 && (
        <>
          <p class="soft small">
            Share is somebody's part of all answers. Skill is how often an answer is what turned
            out, with its 95 % interval, from the answers that could be checked
            {floor !== undefined && (
              <>
                ; the dashed line is the floor of {percent(floor)}, and whoever is surely under it
                on gold images is paused
              </>
            )}
            . Only staff see this.
          </p>
          <table class="people-table">
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col" class="num">
                  Answers
                </th>
                <th scope="col">
                  Share<span class="visually-hidden"> of all answers</span>
                </th>
                <th scope="col" class="skill-column">
                  <span class="skill-scale">
                    <span class="visually-hidden">Skill, from </span>
                    <span>0</span>
                    <span aria-hidden="true">Skill</span>
                    <span>100 %</span>
                  </span>
                </th>
                <th scope="col" class="num">
                  Checked
                </th>
                <th scope="col" class="num">
                  Gold right
                </th>
                <th scope="col">Last seen</th>
              </tr>
            </thead>
            <tbody>
              {sorted(all, order)
                .slice(0, isAll ? undefined : ROWS_AT_FIRST)
                .map((person) => (
                  <PersonRow
                    key={person.id}
                    base={base}
                    person={person}
                    share={shareOf(person, all)}
                    floor={floor}
                    isOpen={person.id === open}
                    onToggle={() => setOpen(person.id === open ? null : person.id)}
                    onChange={people.reload}
                  />
                ))}
            </tbody>
          </table>
          <ShowAll
            total={all.length}
            atFirst={ROWS_AT_FIRST}
            things="people"
            isAll={isAll}
            onChange={setAll}
          />
        </>
      )}
    </section>
  );
}

function OrderChoice({ order, onChange }: { order: Order; onChange: (order: Order) => void }) {
  return (
    <fieldset class="segments">
      <legend class="visually-hidden">Order</legend>
      {Object.entries(ORDERS).map(([key, name]) => (
        <Button
          key={key}
          size="s"
          tone="quiet"
          aria-pressed={key === order}
          onClick={() => onChange(key as Order)}
        >
          {name}
        </Button>
      ))}
    </fieldset>
  );
}
