/** What the page about people works out of what the server says. */
import type { Figures, IntervalRow } from "../charts/IntervalBars";
import { interval, moment, percent, plural, words } from "../format";
import type { Person, PersonDetail, PersonEvent, RecentAnswer } from "./types";

export type Order = "answers" | "weakest" | "seen";

export const ORDERS: Record<Order, string> = {
  answers: "Most answers",
  weakest: "Weakest first",
  seen: "Seen last",
};

/** Weakest by the lower end of the interval, so that little evidence is looked at first. */
export function sorted(people: readonly Person[], order: Order): Person[] {
  const key: Record<Order, (person: Person) => number> = {
    answers: (person) => -person.answers,
    // Nothing known is nothing to worry about yet: behind everyone who is known.
    weakest: (person) => (person.skill === null ? 2 : person.skill.high),
    seen: (person) => -(person.last_seen_at === null ? 0 : Date.parse(person.last_seen_at)),
  };
  return [...people].sort((a, b) => key[order](a) - key[order](b) || b.answers - a.answers);
}

/** Number those who bear the same name in the order they joined: "Ada (2 of 3)". */
export function namedApart(people: readonly Person[]): Person[] {
  const key = (one: Person) => one.display_name.trim().toLowerCase();
  const alike = new Map<string, string[]>();
  const joined = (a: Person, b: Person) => Date.parse(a.joined_at) - Date.parse(b.joined_at);
  for (const one of [...people].sort((a, b) => joined(a, b) || (a.id < b.id ? -1 : 1))) {
    alike.set(key(one), [...(alike.get(key(one)) ?? []), one.id]);
  }
  return people.map((one) => {
    const ids = alike.get(key(one)) ?? [];
    if (ids.length < 2) return one;
    const place = `${ids.indexOf(one.id) + 1} of ${ids.length}`;
    return { ...one, called: `${one.display_name} (${place})` };
  });
}

/** A name that is somebody's alone in the project. */
export function nameOf({ called, display_name: name }: Person): string {
  return called ?? name;
}

/** One person's part of all answers that count, 0 to 1. */
export function shareOf(person: Person, people: readonly Person[]): number {
  const total = people.reduce((sum, other) => sum + other.answers, 0);
  return total === 0 ? 0 : person.answers / total;
}

/** Why somebody gets no images, in a sentence; empty where they do. */
export function standing(person: Person, floor: number | null): string {
  if (person.quarantined) {
    return `All answers are set aside since ${moment(person.quarantined_at)}: everything is computed as if they had never been given.`;
  }
  if (!person.paused) return "";
  if (person.paused_reason === "skill") {
    const under = floor === null ? "the floor" : `the floor of ${percent(floor)}`;
    return `Paused by itself since ${moment(person.paused_at)}: the answers on gold images are surely under ${under}. Lifting it sticks; only later gold answers can pause again.`;
  }
  return `Paused by staff since ${moment(person.paused_at)}.`;
}

const VERBS: Record<string, string> = {
  annotator_paused: "Paused",
  annotator_pause_lifted: "Pause lifted",
  annotator_quarantined: "Answers set aside",
  quarantine_lifted: "Answers brought back",
  annotator_anonymised: "Name removed",
  role_set: "Role changed",
};

/** "Paused by its gold answers", "Answers set aside by morgan: same answer a hundred times". */
export function eventWords({ verb, by, detail }: PersonEvent): string {
  const what = VERBS[verb] ?? words(verb);
  const isByItself = by === null && detail.reason === "skill";
  const who = isByItself ? " by the gold answers" : by === null ? "" : ` by ${by}`;
  const role = typeof detail.role === "string" && detail.role ? ` to ${words(detail.role)}` : "";
  const why = typeof detail.why === "string" && detail.why ? `: ${detail.why}` : "";
  return `${what}${role}${who}${why}`;
}

const SAID: Record<string, string> = {
  SKIP: "skipped",
  CANT_TELL: "can't tell",
  NONE_OF_THESE: "none of these",
  FLAG: "flagged",
};

const ABOUT_ONE_LABEL: Record<string, string> = { YES: "yes", NO: "no", UNSURE: "can't tell" };

/** An answer in words, and whether another label stands now. */
export function recentWords(answer: RecentAnswer): { said: string; instead: string | null } {
  const alone = ABOUT_ONE_LABEL[answer.kind];
  if (alone && answer.said_name) return { said: `${answer.said_name}: ${alone}`, instead: null };
  const said = answer.said_name ?? SAID[answer.kind] ?? words(answer.kind);
  const isVote = answer.kind === "LABEL" || answer.kind === "NONE_OF_THESE";
  const differs = isVote && answer.stands !== null && answer.stands !== answer.said;
  return { said, instead: differs ? answer.stands_name : null };
}

/** Shares of somebody's answers on a scale of percents. */
export const RIGHT: Figures = {
  top: "100 %",
  middle: "50",
  one: (value) => (value === null ? "not known yet" : percent(value)),
  range: interval,
};

/** What somebody knows label by label: a label of which next to nothing was checked is unknown. */
export function labelRows(detail: Pick<PersonDetail, "by_label">): IntervalRow[] {
  const rows = detail.by_label.map(({ code, name, interval: share }) => {
    const isChecked = Math.round(share.n) > 0;
    return { code, name, ...share, estimate: isChecked ? share.estimate : null };
  });
  return [
    ...rows.filter((row) => row.estimate !== null),
    ...rows.filter((row) => row.estimate === null),
  ];
}

/** What setting somebody's answers aside means, before it is done. */
export function quarantineWords(person: Person): string[] {
  const name = nameOf(person);
  const answers = plural(person.answers, "answer");
  return [
    `The ${answers} of ${name} ${person.answers === 1 ? "is" : "are"} set aside; nothing is deleted.`,
    "Labels, everybody's skill, accuracy and the next classifier are worked out as if they had never been given. Images that now lack answers go back into the queue.",
    `${name} gets no more images meanwhile.`,
    "You can bring the answers back at any time; everything is then as before.",
  ];
}
