import type { LabelNeed } from "./types";

type Standing = LabelNeed["standing"];

const STANDING: Record<Standing, string> = {
  merge: "hard to tell apart",
  needs: "needs more",
  unknown: "unknown",
  supported: "good enough",
};

export const TONE: Record<Standing, string | undefined> = {
  merge: "warn",
  needs: "info",
  unknown: undefined,
  supported: "good",
};

/** How a label stands, in a word or two. */
export function standing({ standing: found, more }: LabelNeed): string {
  const isClose = found === "needs" && (more?.middle ?? 0) <= 1;
  return isClose ? "close" : STANDING[found];
}

const ORDER: readonly Standing[] = ["merge", "needs", "unknown", "supported"];

/** Those that need most of somebody first: a merge, then the most labels, then the unknown. */
export function inOrder(rows: readonly LabelNeed[]): LabelNeed[] {
  return [...rows].sort(
    (a, b) =>
      ORDER.indexOf(a.standing) - ORDER.indexOf(b.standing) ||
      (b.more?.middle ?? 0) - (a.more?.middle ?? 0) ||
      a.name.localeCompare(b.name),
  );
}
