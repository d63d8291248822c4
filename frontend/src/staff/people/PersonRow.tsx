import { IntervalMark } from "../../shared/IntervalMark/IntervalMark";
import { count } from "../../shared/numbers";
import { FEW_ANSWERS, interval, moment, percent, plural, words } from "../format";
import { PersonPanel } from "./PersonPanel";
import { nameOf } from "./people";
import type { Person } from "./types";

export interface PersonRowProps {
  base: string;
  person: Person;
  /** Of all answers, 0 to 1. */
  share: number;
  floor: number | undefined;
  isOpen: boolean;
  onToggle: () => void;
  onChange: () => void;
}

const COLUMNS = 7;

/** One person in a line to look along; everything else unfolds below it. */
export function PersonRow(props: PersonRowProps) {
  const { base, person, share, floor, isOpen, onToggle, onChange } = props;
  const { skips = 0 } = person;
  const panel = `person-${person.id}`;
  return (
    <>
      <tr class="person" data-out={person.paused || person.quarantined} data-open={isOpen}>
        <th scope="row" class="person-name">
          <button
            type="button"
            class="person-toggle"
            aria-expanded={isOpen}
            aria-controls={panel}
            onClick={onToggle}
          >
            <svg viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">
              <path d="M4 2l4 4-4 4" fill="none" stroke="currentColor" stroke-width="1.8" />
            </svg>
            <span>{nameOf(person)}</span>
          </button>
          {person.called && (
            <span class="soft small person-joined">joined {moment(person.joined_at)}</span>
          )}
          <Pills person={person} />
        </th>
        <td class="num person-answers" data-head="Answers">
          {count(person.answers)}
          {skips > 0 && <span class="soft small person-skips">{plural(skips, "skip")}</span>}
        </td>
        <td class="person-share" data-head="Share of all answers">
          <span class="share-figure small soft">{percent(share)}</span>
          <span class="answers-bar" aria-hidden="true">
            <span class="answers-fill" style={{ inlineSize: `${share * 100}%` }} />
          </span>
        </td>
        <td class="person-skill" data-head="Skill">
          <Skill skill={person.skill} floor={floor} />
        </td>
        <td class="num person-checked" data-head="Checked">
          {person.skill ? Math.round(person.skill.n) : 0}
        </td>
        <td class="num person-gold" data-head="Gold right">
          <Gold gold={person.gold} />
        </td>
        <td class="nowrap person-seen soft small" data-head="Last seen">
          {moment(person.last_seen_at)}
        </td>
      </tr>
      {isOpen && (
        <tr class="person-detail">
          <td colSpan={COLUMNS} id={panel}>
            <PersonPanel base={base} person={person} floor={floor} onChange={onChange} />
          </td>
        </tr>
      )}
    </>
  );
}

function Pills({ person }: { person: Person }) {
  return (
    <span class="person-pills">
      {person.role !== "VOLUNTEER" && <span class="pill">{words(person.role)}</span>}
      {person.is_you && <span class="pill">you</span>}
      {person.quarantined && (
        <span class="pill" data-tone="danger">
          set aside
        </span>
      )}
      {person.paused && !person.quarantined && (
        <span class="pill" data-tone="warn">
          {person.paused_reason === "skill" ? "paused: skill" : "paused"}
        </span>
      )}
      {!person.onboarded && (
        <span class="pill" data-tone="info">
          first round
        </span>
      )}
    </span>
  );
}

function Skill({ skill, floor }: { skill: Person["skill"]; floor: number | undefined }) {
  if (!skill || skill.estimate === null) {
    return (
      <div class="skill" data-pale="true">
        <IntervalMark estimate={null} low={0} high={1} floor={floor} />
        <span class="soft small">not known yet</span>
      </div>
    );
  }
  const { estimate, low, high, n } = skill;
  return (
    <div class="skill" data-pale={n < FEW_ANSWERS}>
      <IntervalMark estimate={estimate} low={low} high={high} floor={floor} />
      <span class="skill-words small">
        <strong>{percent(estimate)}</strong> <span class="soft">{interval(low, high)}</span>
      </span>
    </div>
  );
}

function Gold({ gold }: { gold: Person["gold"] }) {
  const total = gold.right + gold.wrong;
  if (total === 0) return <span class="soft">–</span>;
  return (
    <span>
      {gold.right}
      <span class="soft small">
        {" "}
        of {total}
        <span class="visually-hidden"> gold images right</span>
      </span>
    </span>
  );
}
