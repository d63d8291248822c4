import { plural } from "../format";
import type { Comparison, Waiting } from "./types";

export const MODE: Record<string, string> = {
  AUTOMATIC: "New versions serve by themselves as soon as they pass.",
  ASK: "New versions that pass wait here for a manager's yes.",
  SHADOW: "New versions are only measured here; none serves.",
};

const ENDED: Record<string, { words: string; tone?: string }> = {
  PASSED: { words: "proven", tone: "good" },
  FAILED: { words: "not proven", tone: "danger" },
  SUPERSEDED: { words: "overtaken" },
  UNDECIDED: { words: "not decided", tone: "warn" },
  RUNNING: { words: "being tested", tone: "info" },
};

/** How a comparison stands, in a word and its colour. */
export function standing({ kind, decision }: Comparison): { words: string; tone?: string } {
  if (kind === "MONITOR" && decision === "RUNNING") return { words: "on watch", tone: "info" };
  if (kind === "MONITOR" && decision === "FAILED") return { words: "rolled back", tone: "danger" };
  return ENDED[decision] ?? { words: decision.toLowerCase() };
}

/** What is compared with what. */
export function title(comparison: Comparison): string {
  const { kind, version, reference, always } = comparison;
  if (kind === "MONITOR") return `What serves, beside v${reference}`;
  return reference === null
    ? `v${version}, beside always answering “${always}”`
    : `v${version}, beside v${reference}`;
}

/** The discordant images in words. */
export function countsWords({ n, wins, losses }: { n: number; wins: number; losses: number }) {
  if (n === 0) return "no new audit image yet";
  return `${plural(n, "audit image")}: better on ${wins}, worse on ${losses}`;
}

/** The share of the evidence that is needed, 0 to 1; null before the first look. */
export function evidenceShare({ log_e, needed }: Comparison): number | null {
  if (needed === null || needed <= 0) return null;
  return Math.min(1, Math.max(0, log_e / needed));
}

/** What a version waits for, as a heading. */
export function waitsWords({ number, waits_for }: Waiting): string {
  const words: Record<string, string> = {
    YES: `v${number} waits for your yes`,
    AUDIT: `v${number} waits for more audit answers`,
    VECTORS: `v${number} serves once it has read all images`,
    NOBODY: `v${number} is only measured`,
    NEXT_HEAD: `v${number} was waiting; the next version serves by itself`,
  };
  return words[waits_for] ?? `v${number} waits`;
}
