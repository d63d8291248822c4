import type { Confusion } from "./types";

export interface Cell {
  truth: number;
  predicted: number;
}

export interface MixUp extends Cell {
  n: number;
  /** Of all images of the true label, 0 to 1. */
  share: number;
}

/** The mix-ups that happen most, each with its share of the true label; ties by share. */
export function worst(confusion: Confusion, most = 8): MixUp[] {
  return confusion.counts
    .flatMap((row, truth) => {
      const total = row.reduce((sum, n) => sum + n, 0);
      return row.map((n, predicted) => ({ truth, predicted, n, share: total ? n / total : 0 }));
    })
    .filter((entry) => entry.truth !== entry.predicted && entry.n > 0)
    .sort((a, b) => b.n - a.n || b.share - a.share)
    .slice(0, most);
}

/** Labels with anything to show; with `isMixedUpOnly`, those in at least one mistake. */
export function shownLabels(confusion: Confusion, isMixedUpOnly: boolean): number[] {
  const { counts, labels } = confusion;
  const says = (truth: number, predicted: number) =>
    (counts[truth]?.[predicted] ?? 0) > 0 && (!isMixedUpOnly || truth !== predicted);
  return labels
    .map((_, index) => index)
    .filter((index) => labels.some((_, other) => says(index, other) || says(other, index)));
}

export function rightCount(confusion: Confusion): number {
  return confusion.counts.reduce((sum, row, index) => sum + (row[index] ?? 0), 0);
}
