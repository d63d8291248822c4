import type { AgreementPoint } from "../people/types";

/** Columns as uPlot takes them: seconds, alpha, its interval, the expected share of wrong labels. */
export type Columns = [
  at: number[],
  alpha: (number | null)[],
  low: (number | null)[],
  high: (number | null)[],
  wrong: (number | null)[],
];

export function columns(points: readonly AgreementPoint[]): Columns {
  const rows = [...points].sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
  const known = (point: AgreementPoint, value: number | null) =>
    point.alpha === null ? null : value;
  return [
    rows.map((point) => Date.parse(point.at) / 1000),
    rows.map((point) => point.alpha),
    rows.map((point) => known(point, point.low)),
    rows.map((point) => known(point, point.high)),
    rows.map((point) => point.expected_error),
  ];
}

/** Top of the scale for wrong labels: a tenth at least, so that little does not look like much. */
export function topOfErrors(points: readonly AgreementPoint[]): number {
  return Math.max(0.1, ...points.map((point) => (point.expected_error ?? 0) * 1.1));
}
