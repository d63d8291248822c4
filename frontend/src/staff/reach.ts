/** What the audit images that are left can still tell, in words. */
import { FEW_ANSWERS } from "./format";

/** What a figure still lacks; `waiting` is missing where nobody has counted. */
export interface Reach {
  /** Audit images behind the figure; so few say little of how many it takes. */
  n?: number;
  /** So many more are needed to know it to ten points. */
  missing?: number;
  /** So many are left to ask about. */
  waiting?: number;
  /** So many have answers and no agreement yet. */
  unresolved?: number;
  /** Half-width of the interval once those are answered, a share. */
  reachable?: number;
}

/** An interval as wide as this says nothing: "known to ±50" would mean unknown. */
export const WIDEST_TO_SAY = 0.35;

function points(half: number): string {
  return `±${Math.round(100 * half)}`;
}

/** What the images left would bring; never a width that means unknown. */
function bring(waiting: number, reachable: number | undefined): string {
  const left = waiting === 1 ? "the one still left" : `the ${waiting} still left`;
  if (reachable === undefined || reachable > WIDEST_TO_SAY) {
    return `${left} cannot make it known`;
  }
  return `${left} would give ${points(reachable)}`;
}

/** From how many images the number that is still needed was reckoned. */
function from(n: number | undefined): string {
  if (n === undefined || n >= FEW_ANSWERS) return "";
  return n === 0 ? " (at most)" : ` (a guess, from ${n} so far)`;
}

/** What it takes where no audit image is settled yet; never more than there are to ask about. */
export function nothingMeasured({ missing = 0, waiting }: Reach): string {
  if (waiting === 0) {
    return "Nothing measured yet, and no audit image is left to ask about: add pictures, a share of them become audit images.";
  }
  if (waiting !== undefined && waiting < missing) {
    const some = waiting === 1 ? "One audit image waits" : `${waiting} audit images wait`;
    return `Nothing measured yet. ${some} for answers; it takes about ${missing} to know it to ±10 points, so add pictures too.`;
  }
  return `Nothing measured yet: about ${missing} audit images need answers to know it to ±10 points.`;
}

/** A sentence; empty where nothing is missing. */
export function reachSentence({ n, missing = 0, waiting, reachable }: Reach): string {
  if (missing === 0) return "";
  if (waiting === undefined || waiting >= missing) {
    return `About ${missing} more would give ±10 points${from(n)}.`;
  }
  const short = `±10 points take about ${missing} more audit images${from(n)}`;
  if (waiting === 0) {
    return `${short}, and none is left: add pictures, a share of them become audit images.`;
  }
  return `${short}; ${bring(waiting, reachable)}.`;
}

/**
 * The same beside a row of a chart.
 *
 * @param isGuess which of the images left belong to the row is only the classifier's guess.
 */
export function reachWords(
  { n, missing = 0, waiting, unresolved = 0, reachable }: Reach,
  isGuess: boolean = false,
): string {
  if (missing === 0) return "";
  const takes = n !== undefined && n < FEW_ANSWERS ? guessed(n, missing) : `±10 takes ${missing}`;
  if (waiting === undefined || waiting >= missing) {
    return n !== undefined && n < FEW_ANSWERS ? takes : `${missing} more for ±10`;
  }
  const by = isGuess ? ", by its guess" : "";
  if (waiting === 0) {
    return unresolved > 0 ? `${unresolved} not settled; ${takes}` : `none left${by}; ${takes}`;
  }
  if (reachable === undefined || reachable > WIDEST_TO_SAY) {
    return `only ${waiting} left${by}; ${takes}`;
  }
  return `${waiting} left for ${points(reachable)}${by}; ${takes}`;
}

function guessed(n: number, missing: number): string {
  return n === 0 ? `at most ${missing} for ±10` : `about ${missing} for ±10, guessed from ${n}`;
}
