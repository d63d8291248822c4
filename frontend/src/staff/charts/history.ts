import { FEW_ANSWERS } from "../format";
import type { BandPoint, CurvePoint } from "../outlook/types";
import type { HistoryPoint } from "../types";

export type Axis = "labels" | "time";

/** Columns as uPlot takes them; unknown accuracy is a gap, and its interval too. */
export type Columns = [
  x: number[],
  accuracy: (number | null)[],
  low: (number | null)[],
  high: (number | null)[],
  labels: number[],
];

/** Points in the order of the axis. Time is in seconds, as uPlot counts it. */
export function columns(points: readonly HistoryPoint[], axis: Axis): Columns {
  const x = (point: HistoryPoint) =>
    axis === "labels" ? point.labels : Date.parse(point.at) / 1000;
  const rows = [...points].sort((a, b) => x(a) - x(b) || a.version - b.version);
  const known = (point: HistoryPoint, value: number) => (point.accuracy === null ? null : value);
  return [
    rows.map(x),
    rows.map((point) => point.accuracy),
    rows.map((point) => known(point, point.low)),
    rows.map((point) => known(point, point.high)),
    rows.map((point) => point.labels),
  ];
}

/** Two versions, and enough audit answers behind one of them that a line does not mislead. */
export function isWorthDrawing(points: readonly HistoryPoint[]): boolean {
  return points.length >= 2 && points.some((point) => point.n >= FEW_ANSWERS);
}

/** The curve that the forecast goes on from: classifiers fitted on the first labels. */
export function curveColumns(curve: readonly CurvePoint[]): Columns {
  const column = (name: keyof CurvePoint) => curve.map((point) => point[name]);
  return [column("labels"), column("accuracy"), column("low"), column("high"), column("labels")];
}

/** The same columns with the forecast behind them: its middle, low and high, by labels only. */
export type Forecast = [...Columns, ...[middle: Cells, low: Cells, high: Cells]];
type Cells = (number | null)[];

/** Add the forecast's band: rows of its own, in their place among the labels. */
export function withBand(behind: Columns, band: readonly BandPoint[]): Forecast {
  const [x, accuracy, low, high, labels] = behind;
  const ahead = band.filter((point) => point.labels >= (x.at(-1) ?? 0));
  const none = ahead.map(() => null);
  const gap = x.map(() => null);
  const column = (name: "middle" | "low" | "high") => [...gap, ...ahead.map((one) => one[name])];
  return [
    [...x, ...ahead.map((point) => point.labels)],
    [...accuracy, ...none],
    [...low, ...none],
    [...high, ...none],
    [...labels, ...ahead.map((point) => point.labels)],
    column("middle"),
    column("low"),
    column("high"),
  ];
}
