/** Numbers, times and the server's codes as staff read them. */
import type { NotCountedImages } from "./types";

export function percent(share: number | null | undefined): string {
  if (share === null || share === undefined || Number.isNaN(share)) return "unknown";
  return `${Math.round(share * 100)} %`;
}

export function interval(low: number | null | undefined, high: number | null | undefined): string {
  if (low === null || low === undefined || high === null || high === undefined) return "";
  return `${Math.round(low * 100)}–${Math.round(high * 100)} %`;
}

export function moment(iso: string | null | undefined): string {
  if (!iso) return "–";
  return new Date(iso).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" });
}

export function money(amount: number): string {
  return amount.toFixed(2);
}

export function seconds(total: number): string {
  if (total < 60) return `${total.toFixed(1)} s`;
  return `${Math.floor(total / 60)} min ${Math.round(total % 60)} s`;
}

export function plural(n: number, one: string, many = `${one}s`): string {
  return `${n.toLocaleString("en")} ${n === 1 ? one : many}`;
}

/** "one", "one and two", "one, two and three". */
export function listed(names: readonly string[]): string {
  return new Intl.ListFormat("en-GB", { type: "conjunction" }).format(names);
}

/** Under so many answers an estimate is drawn pale. */
export const FEW_ANSWERS = 10;

/** What so few answers tell: how many were right, and nothing that looks like a measurement. */
export function fewWords({ estimate, n }: { estimate: number | null; n: number }): string {
  return estimate === null ? "unknown" : `${Math.round(estimate * n)} of ${Math.round(n)} right`;
}

export function fewSentence(measured: { estimate: number | null; n: number }): string {
  return `${fewWords(measured)} so far; too few to say.`;
}

export const REASONS: Record<string, string> = {
  ACQUIRED: "chosen by the classifier",
  RANDOM: "drawn at random",
  AUDIT: "audit images",
  GOLD: "gold images",
  DISPUTE: "disputed",
};

/** How audit images came by their labels. */
export function labeledHow(cameWithPictures: boolean | undefined): string {
  return cameWithPictures ? "with labels that came with the pictures" : "labeled blind";
}

/** Why an image is neither in the pool nor among those measured. */
export const NOT_COUNTED: Record<keyof NotCountedImages, string> = {
  pending: "being read: to learn from, or audit images, in a moment",
  audit_twins: "near copies of an audit image: one of each group is measured",
  excluded: "near copies of images to learn from and of audit images at once: kept out of both",
  flagged: "flagged, waiting for your word",
  removed: "taken out",
};

export const VERSION_STATE: Record<string, string> = {
  CHAMPION: "serving",
  CHALLENGER: "on trial",
  RETIRED: "retired",
  REJECTED: "rejected",
};

export const RUN_STATE: Record<string, string> = {
  QUEUED: "waiting",
  RUNNING: "running",
  SUCCEEDED: "done",
  FAILED: "failed",
  REFUSED: "refused",
};

export const RUN_KIND: Record<string, string> = { HEAD: "Refit", FINETUNE: "Fine-tune" };

export const IMAGE_STATE: Record<string, string> = {
  OPEN: "needs answers",
  RESOLVED: "labeled",
  DISPUTED: "disputed",
  NONE_OF_THESE: "none of these",
  UNUSABLE: "cannot be labeled",
};

export const FLAG_REASON: Record<string, string> = {
  PERSON: "a person is in it",
  BROKEN: "the picture is broken",
  NOT_ALLOWED: "it should not be here",
};

/** A code that has no words of its own: "new_labels" reads "new labels". */
export function words(code: string): string {
  return code.replaceAll("_", " ").toLowerCase();
}
