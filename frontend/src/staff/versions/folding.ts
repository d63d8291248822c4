import { plural } from "../format";
import type { Version } from "../types";

/** Fewer small updates in a row are shown one by one. */
export const FOLDED_FROM = 3;

export type Row = { version: Version } | { folded: Version[] };

/** A refit that came and went within the same proven version's reign: nothing to act upon. */
export function isSmall(version: Version): boolean {
  if (version.kind !== "HEAD" || version.evidence === "PROVEN") return false;
  if (version.state === "RETIRED") return true;
  return version.state === "REJECTED" && version.promoted_at === null;
}

/** Put runs of small updates into one row each; versions come newest first, and stay so. */
export function folded(versions: Version[]): Row[] {
  const rows: Row[] = [];
  let run: Version[] = [];
  const close = () => {
    if (run.length >= FOLDED_FROM) rows.push({ folded: run });
    else rows.push(...run.map((version) => ({ version })));
    run = [];
  };
  for (const version of versions) {
    if (isSmall(version)) {
      run.push(version);
    } else {
      close();
      rows.push({ version });
    }
  }
  close();
  return rows;
}

/** "14 small updates between 10:02 and 10:20, v2 to v15; 3 were refused". */
export function foldedWords(run: Version[]): string {
  const newest = run[0];
  const oldest = run[run.length - 1];
  if (!newest || !oldest) return "";
  const refused = run.filter((version) => version.state === "REJECTED").length;
  const said = `${plural(run.length, "small update")} ${between(oldest.created_at, newest.created_at)}, v${oldest.number} to v${newest.number}`;
  return refused === 0 ? said : `${said}; ${refused} ${refused === 1 ? "was" : "were"} refused`;
}

function between(first: string, last: string): string {
  const day = (iso: string) => new Date(iso).toLocaleDateString("en-GB", { dateStyle: "medium" });
  const time = (iso: string) =>
    new Date(iso).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  if (day(first) !== day(last)) return `between ${day(first)} and ${day(last)}`;
  if (time(first) === time(last)) return `on ${day(first)} at ${time(first)}`;
  return `on ${day(first)} between ${time(first)} and ${time(last)}`;
}
