import { percent, plural } from "../format";
import type { Calibration } from "../types";

function points(share: number): string {
  return plural(Math.round(100 * share), "point");
}

/** How far the stated certainty is off, and how much of that so few images show by chance. */
export function certaintySentence({ ece, by_chance: byChance, n, bins }: Calibration): string {
  if (ece === null || byChance === null) return "Nothing measured yet.";
  const off = `On average its certainty is off by ${points(ece)} (${plural(n, "audit image")})`;
  if (ece <= 1.5 * byChance) {
    return `${off}. Of so few images chance alone makes about ${points(byChance)}: it may be believed.`;
  }
  const sum = (value: (bin: Calibration["bins"][number]) => number) =>
    bins.reduce((total, bin) => total + bin.n * value(bin), 0) / n;
  const sure = sum((bin) => bin.confidence);
  const right = sum((bin) => bin.estimate ?? 0);
  const how = sure > right ? "too sure of itself" : "more often right than it says";
  return `${off}; chance alone makes about ${points(byChance)}. It is ${how}: ${percent(sure)} sure, ${percent(right)} right.`;
}
