/** Numbers and times as staff read them. */

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
  return new Date(iso).toLocaleString("en", { dateStyle: "medium", timeStyle: "short" });
}

export function money(amount: string | number): string {
  return Number(amount).toFixed(2);
}

export function seconds(total: number): string {
  if (total < 60) return `${total.toFixed(1)} s`;
  return `${Math.floor(total / 60)} min ${Math.round(total % 60)} s`;
}

/** How much an estimate can be trusted to the eye: few answers are drawn pale. */
export const FEW_ANSWERS = 10;

export const REASONS: Record<string, string> = {
  ACQUIRED: "chosen by the classifier",
  RANDOM: "random arm",
  AUDIT: "audit slice",
  GOLD: "gold images",
  DISPUTE: "disputed",
};

export const EVIDENCE: Record<string, string> = {
  PROVISIONAL: "provisional",
  PROVEN: "proven",
};
