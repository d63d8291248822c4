import { interval } from "./format";
import type { ClassAccuracy } from "./types";

/** The narrower interval of a label, and on how many labeled images it rests too. */
export function withLabeled({ pooled, practice }: ClassAccuracy): string | null {
  const labeled = practice ? Math.round(practice[1]) : 0;
  if (!pooled || labeled === 0) return null;
  return `${interval(pooled.low, pooled.high)} with ${labeled} labeled`;
}
