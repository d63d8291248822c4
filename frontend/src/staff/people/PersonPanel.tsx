import { useEffect, useState } from "preact/hooks";
import { ErrorNote } from "../../shared/ErrorNote/ErrorNote";
import { IntervalMark } from "../../shared/IntervalMark/IntervalMark";
import { count } from "../../shared/numbers";
import { Progress } from "../../shared/Progress/Progress";
import { IntervalBars } from "../charts/IntervalBars";
import { interval, moment, percent, plural } from "../format";
import { Loading } from "../Loading";
import { ShowAll } from "../ShowAll";
import { useResource } from "../useResource";
import { PersonActions } from "./PersonActions";
import { eventWords, labelRows, RIGHT, recentWords, standing } from "./people";
import type { Person, PersonDetail, Suggestions } from "./types";

const ROWS_AT_FIRST = 8;
const REPLAY_POLL_MS = 2000;
const RECENT_AT_FIRST = 10;

interface PersonPanelProps {
  base: string;
  person: Person;
  floor: number | undefined;
  onChange: () => void;
}

/** Everything about one person: where they are strong, what they mix up, what was done. */
export function PersonPanel({ base, person, floor, onChange }: PersonPanelProps) {
  const path = `${base}/people/${person.id}`;
  const { data, error, reload } = useResource<PersonDetail>(path);
  const changed = () => {
    reload();
    onChange();
  };
  const words = standing(person, floor ?? null);
  const isReplaying = data !== null && data.replay !== null;
  // biome-ignore lint/correctness/useExhaustiveDependencies: `onChange` is another one each time.
  useEffect(() => {
    if (!isReplaying) return;
    const timer = setInterval(reload, REPLAY_POLL_MS);
    return () => {
      clearInterval(timer);
      onChange();
    };
  }, [isReplaying, reload]);
  return (
    <div class="person-panel stack">
      {words && <p class="notice">{words}</p>}
      {data?.replay && <Replay replay={data.replay} />}
      <PersonActions path={path} person={person} onChange={changed} />
      <ErrorNote error={error} onRetry={reload} />
      {!data && !error && <Loading />}
      {data && (
        <div class="person-columns">
          <ByLabel detail={data} />
          <div class="stack">
            <MixUps detail={data} />
            {data.suggestions && <Suggested suggestions={data.suggestions} />}
            <Recent detail={data} />
            <Events detail={data} />
          </div>
        </div>
      )}
    </div>
  );
}

/** Everything is being worked out again, with or without this person. */
function Replay({ replay }: { replay: NonNullable<PersonDetail["replay"]> }) {
  const total = replay.total ?? 0;
  return (
    <div class="run" role="status">
      <p class="run-line small">
        <span>Working everything out again</span>
        <span>{total > 0 && `${count(replay.done)} of ${plural(total, "image")}`}</span>
      </p>
      <Progress value={replay.done} max={total} label="Images decided again" />
    </div>
  );
}

function ByLabel({ detail }: { detail: PersonDetail }) {
  const [isAll, setAll] = useState(false);
  const rows = labelRows(detail);
  return (
    <section class="stack">
      <h3>By label</h3>
      {rows.length === 0 ? (
        <p class="empty">
          Nothing known yet: that takes images which somebody else or an expert has answered too.
        </p>
      ) : (
        <IntervalBars
          what="Label"
          measure="Right"
          counted="Checked"
          figures={RIGHT}
          rows={isAll ? rows : rows.slice(0, ROWS_AT_FIRST)}
        />
      )}
      <ShowAll
        total={rows.length}
        atFirst={ROWS_AT_FIRST}
        things="labels"
        isAll={isAll}
        onChange={setAll}
      />
    </section>
  );
}

function MixUps({ detail }: { detail: PersonDetail }) {
  if (detail.confused.length === 0) return null;
  return (
    <section class="stack">
      <h3>Mixes up</h3>
      <ul class="mix-ups">
        {detail.confused.map(({ truth, said, count: times }) => (
          <li key={`${truth.code}>${said.code}`}>
            <span>
              says <strong>{said.name}</strong> where it is <strong>{truth.name}</strong>
            </span>
            <span class="soft small nowrap">
              about {plural(Math.max(1, Math.round(times)), "time")}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Suggested({ suggestions }: { suggestions: Suggestions }) {
  const rows = [
    { name: "Wrong guesses taken over", ...suggestions.accepted_wrong },
    { name: "Same mistake with no guess shown", ...suggestions.same_without },
  ];
  return (
    <section class="stack">
      <h3>With the classifier's guess in view</h3>
      {rows.map(({ name, estimate, low, high, n }) => (
        <div key={name} class="skill" data-pale={n < 10}>
          <span class="run-line small">
            <span>{name}</span>
            <span>
              {percent(estimate)}{" "}
              {estimate !== null && <span class="soft">{interval(low, high)}</span>}
            </span>
          </span>
          <IntervalMark estimate={estimate} low={low} high={high} />
        </div>
      ))}
      <p class="soft small">
        {plural(suggestions.shown, "answer")} given beside a guess. The further apart the two, the
        more the guess decides.
      </p>
    </section>
  );
}

function Recent({ detail }: { detail: PersonDetail }) {
  const [isAll, setAll] = useState(false);
  if (detail.recent.length === 0) return null;
  return (
    <section class="stack">
      <h3>Last answers</h3>
      <ul class="recent-grid">
        {detail.recent.slice(0, isAll ? undefined : RECENT_AT_FIRST).map((answer) => {
          const { said, instead } = recentWords(answer);
          return (
            <li key={`${answer.image.id}-${answer.at}`} data-differs={instead !== null}>
              <img src={answer.image.thumb_url} alt="" loading="lazy" />
              <span class="small">
                {said}
                {instead !== null && <span class="differs">stands: {instead}</span>}
              </span>
            </li>
          );
        })}
      </ul>
      {detail.recent.length > RECENT_AT_FIRST && !isAll && (
        <p>
          <button type="button" class="link-button" onClick={() => setAll(true)}>
            Show the last {detail.recent.length}
          </button>
        </p>
      )}
    </section>
  );
}

function Events({ detail }: { detail: PersonDetail }) {
  return (
    <details class="small">
      <summary>What was done</summary>
      <ul class="lines">
        <li>
          Joined <span class="soft">{moment(detail.joined_at)}</span>
        </li>
        {detail.events.map((event) => (
          <li key={`${event.at}-${event.verb}`}>
            {eventWords(event)} <span class="soft">{moment(event.at)}</span>
          </li>
        ))}
      </ul>
    </details>
  );
}
