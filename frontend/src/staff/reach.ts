/** What the audit images that are left can still tell, in words. */

/** What a figure still lacks; `waiting` is missing where nobody has counted. */
export interface Reach {
  /** So many more are needed to know it to ten points. */
  missing?: number;
  /** So many are left to ask about. */
  waiting?: number;
  /** Half-width of the interval once those are answered, a share. */
  reachable?: number;
}

function points(half: number | undefined): string {
  return `±${Math.round(100 * (half ?? 0.5))}`;
}

/** A sentence; empty where nothing is missing. */
export function reachSentence({ missing = 0, waiting, reachable }: Reach): string {
  if (missing === 0) return "";
  if (waiting === undefined || waiting >= missing) {
    return `About ${missing} more would give ±10 points.`;
  }
  const short = `±10 points take about ${missing} more audit images`;
  if (waiting === 0)
    return `${short}, and none is left: add pictures, a share of them joins the audit slice.`;
  const left = waiting === 1 ? "one" : `${waiting}`;
  return `${short}; the ${left} still left would give ${points(reachable)}.`;
}

/** The same beside a row of a chart. */
export function reachWords({ missing = 0, waiting, reachable }: Reach): string {
  if (missing === 0) return "";
  if (waiting === undefined || waiting >= missing) return `${missing} more for ±10`;
  if (waiting === 0) return `none left; ±10 takes ${missing}`;
  return `${waiting} left for ${points(reachable)}; ±10 takes ${missing}`;
}
