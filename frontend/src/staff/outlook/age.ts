/** The forecast is worked out now and then: what it rests on, and what has come since. */
import { moment, plural } from "../format";
import type { Overview } from "../types";
import type { Figures, Outlook } from "./types";

/** The first figures may be from before the first classifier, and say that there is none. */
export function isWaiting({ figures }: Outlook): boolean {
  return figures === null || figures.overall.refusal === "no_champion";
}

/** When it was worked out, and from what; nothing where it rests on nothing. */
export function asOf(computedAt: string | null, figures: Figures): string {
  if (figures.version === null) return "";
  const from = `${plural(figures.labels, labels(figures))} and ${plural(figures.audit_images, "audit image")}`;
  return `As of ${moment(computedAt)}: v${figures.version}, ${from}.`;
}

function labels({ is_several }: Figures): string {
  return is_several ? "labeled picture" : "label";
}

type Now = Pick<Overview, "champion" | "accuracy">;

/** Where the tiles above have moved on: they are right, and this follows. */
export function sinceThen(figures: Figures, { champion, accuracy }: Now): string {
  if (figures.version === null || !champion) return "";
  const more = Math.max(champion.n_labels - figures.labels, 0);
  const answered = figures.audit_answered ?? accuracy.overall.n;
  const audited = Math.max(accuracy.overall.n - answered, 0);
  const came = [
    ...(more > 0 ? [plural(more, labels(figures))] : []),
    ...(audited > 0 ? [plural(audited, "audit image")] : []),
  ];
  if (came.length === 0) return "";
  const verb = more + audited === 1 ? "has" : "have";
  return `${came.join(" and ")} ${verb} come since; this is worked out again in some minutes.`;
}
