/** Labels that may be wrong: what the server says of them, and the list as it is worked off. */
import type { AnnotationKind, ImageRef } from "../../api/types";
import { interval, percent, plural } from "../format";
import type { StaffLabel } from "../types";

/** A label that something speaks for, and how strongly: 0 to 1. */
export interface Witness {
  code: string;
  name: string;
  share: number;
}

/** How many people said that a picture shows a label, and how many that it does not. */
export interface Said {
  yes: number;
  no: number;
  is_import: boolean;
}

export interface Doubt {
  image: ImageRef;
  given: Witness;
  given_alike: number;
  classifier: Witness;
  neighbours: Witness;
  /**
   * Several labels an image: whether this one is said to be there, and by how many. The shares are
   * those of that answer (`given`) and of the other one.
   */
  is_shown: boolean | null;
  said: Said | null;
}

/** What became of the doubts so far. */
export interface Found {
  open: number;
  wrong: { estimate: number | null; low: number; high: number; n: number };
  n_wrong: number;
  n_judged: number;
  cant_tell: number;
  asked: number;
  answered: number;
  otherwise: number;
  /** Several labels an image: each is doubted alone, and settled with yes or no. */
  is_several: boolean;
}

export interface ReviewList {
  items: Doubt[];
  found: Found;
}

export interface Settled {
  annotation: { id: string };
  found: Found;
}

export interface Decision {
  annotation: string;
  doubt: Doubt;
  words: string;
}

export const BATCH = 5;
/** With fewer than this many in hand, more are asked for. */
export const FEWEST = 3;

/** Of a picture that may show several labels more than one can be doubted. */
export function keyOf({ image, given }: Doubt): string {
  return `${image.id} ${given.code}`;
}

/** The server goes round at the end of its list: what is in hand already is not taken twice. */
export function take(hand: readonly Doubt[], more: readonly Doubt[]): Doubt[] {
  const known = new Set(hand.map(keyOf));
  return [...hand, ...more.filter((doubt) => !known.has(keyOf(doubt)))];
}

export function drop(hand: readonly Doubt[], doubt: Doubt): Doubt[] {
  return hand.filter((other) => keyOf(other) !== keyOf(doubt));
}

/** The labels that something suggests instead, the classifier's first, each once. */
export function suggestions({ given, classifier, neighbours }: Doubt): Witness[] {
  const others = [classifier, neighbours].filter(({ code }) => code !== given.code);
  return others.filter(({ code }, at) => others.findIndex((one) => one.code === code) === at);
}

export function decidedWords(kind: AnnotationKind, doubt: Doubt, name: string | null): string {
  if (kind === "UNSURE") return `Nobody can tell whether it shows ${doubt.given.name}.`;
  if (kind === "YES" || kind === "NO") {
    const first = (kind === "YES") === doubt.is_shown ? "Kept" : "Changed";
    return `${first}: it ${kind === "YES" ? "shows" : "does not show"} ${doubt.given.name}.`;
  }
  if (kind === "NONE_OF_THESE") return `${doubt.given.name} is now none of these.`;
  if (kind === "CANT_TELL") return "Nobody can tell: it has no label any more.";
  if (name === null || name === doubt.given.name) return `Kept: ${doubt.given.name}.`;
  return `Changed: ${doubt.given.name} is now ${name}.`;
}

/** How often the doubts were right, once somebody has looked. */
export function precisionWords({ n_wrong, n_judged, wrong, cant_tell }: Found): string {
  if (n_judged === 0) return "Nobody has looked at one yet.";
  const were = n_wrong === 1 ? "was" : "were";
  const first = `Of ${plural(n_judged, "doubted label")} looked at, ${n_wrong} ${were} wrong`;
  const range = `likely ${interval(wrong.low, wrong.high)} of such doubts`;
  const rest = cant_tell > 0 ? ` Of ${cant_tell} more nobody can tell.` : "";
  return `${first} (${range}).${rest}`;
}

/** What came of asking people again through the queue; nothing where nobody was asked. */
export function askedWords({ asked, answered, otherwise, is_several }: Found): string {
  if (asked === 0) return "";
  const first = `People were asked again about ${plural(asked, "image")}`;
  if (is_several) return `${first}; ${answered} answered, ${otherwise} of them otherwise.`;
  return `${first}; ${answered} answered, after which ${otherwise} got another label.`;
}

export function classifierWords({ given, classifier }: Doubt): string {
  const own = `${given.name} ${percent(given.share)}`;
  return `${classifier.name} ${percent(classifier.share)}, ${own}`;
}

export function neighbourWords({ given, given_alike, neighbours }: Doubt): string {
  const own = given_alike > 0 ? `${percent(given_alike)} are ${given.name}` : "none is";
  const rest = given_alike > 0 ? own : `${own} ${given.name}`;
  return `${percent(neighbours.share)} are ${neighbours.name}, ${rest}`;
}

/** The live label that was meant: by its whole name, or by a beginning that only one has. */
export function labelNamed(labels: readonly StaffLabel[], typed: string): StaffLabel | undefined {
  const wanted = typed.trim().toLowerCase();
  if (wanted === "") return undefined;
  const live = labels.filter((label) => label.retired_at === null);
  const begin = live.filter((label) => label.name.toLowerCase().startsWith(wanted));
  const exact = live.find((label) => label.name.toLowerCase() === wanted);
  return exact ?? (begin.length === 1 ? begin[0] : undefined);
}

/** What people said of a label that a picture may show beside others. */
export function saidWords({ is_shown, said }: Doubt): string {
  const answer = is_shown ? "it is there" : "it is not there";
  if (!said || said.is_import || said.yes + said.no === 0) {
    return said?.is_import ? `${answer}: so it came with the picture` : answer;
  }
  const agree = is_shown ? said.yes : said.no;
  const all = said.yes + said.no;
  if (all === 1 && agree === 1) return `one person said that ${answer}`;
  return `${agree} of ${plural(all, "person", "people")} said that ${answer}`;
}

/** What the classifier gives the label, and the pictures most like it: shares of "it is there". */
export function shownShares({ given, given_alike, classifier, neighbours, is_shown }: Doubt): {
  classifier: number;
  neighbours: number;
} {
  return is_shown
    ? { classifier: given.share, neighbours: given_alike }
    : { classifier: classifier.share, neighbours: neighbours.share };
}
