import { expect, test } from "vitest";
import type { HistoryPoint } from "../types";
import { columns, curveColumns, isWorthDrawing, withBand } from "./history";

function point(version: number, change: Partial<HistoryPoint> = {}): HistoryPoint {
  return {
    at: `2026-03-0${version}T12:00:00Z`,
    labels: version * 10,
    answers: version * 12,
    version,
    accuracy: 0.5,
    low: 0.4,
    high: 0.6,
    n: 30,
    ...change,
  };
}

test("points stand in the order of their labels, also after a roll-back", () => {
  const [x, accuracy] = columns([point(2, { accuracy: 0.9 }), point(1)], "labels");

  expect(x).toEqual([10, 20]);
  expect(accuracy).toEqual([0.5, 0.9]);
});

test("over time they stand by the second", () => {
  const [x, , , , labels] = columns([point(1), point(2)], "time");

  expect((x[1] ?? 0) - (x[0] ?? 0)).toBe(24 * 3600);
  expect(labels).toEqual([10, 20]);
});

test("an unknown accuracy leaves a gap in line and band", () => {
  const unknown = point(1, { accuracy: null, low: 0, high: 1, n: 0 });
  const [, accuracy, low, high] = columns([unknown, point(2)], "labels");

  expect([accuracy[0], low[0], high[0]]).toEqual([null, null, null]);
});

test("a curve takes two versions and ten audit answers", () => {
  expect(isWorthDrawing([point(1)])).toBe(false);
  expect(isWorthDrawing([point(1, { n: 9 }), point(2, { n: 9 })])).toBe(false);
  expect(isWorthDrawing([point(1, { n: 9 }), point(2, { n: 10 })])).toBe(true);
});

test("the forecast begins where the labels end", () => {
  const at = (labels: number) => ({ labels, low: 0.5, middle: 0.6, high: 0.7 });
  const behind = columns([point(1), point(2)], "labels");
  const [x, accuracy, , , , middle] = withBand(behind, [at(15), at(20), at(40)]);

  expect(x).toEqual([10, 20, 20, 40]);
  expect(accuracy).toEqual([0.5, 0.5, null, null]);
  expect(middle).toEqual([null, null, 0.6, 0.6]);
});

test("it goes on from the curve that it was made of", () => {
  const curve = [
    { labels: 10, accuracy: 0.4, low: 0.3, high: 0.5 },
    { labels: 20, accuracy: 0.6, low: 0.5, high: 0.7 },
  ];
  const ahead = { labels: 20, low: 0.5, middle: 0.6, high: 0.7 };
  const [x, accuracy, low, , , middle] = withBand(curveColumns(curve), [ahead]);

  expect(x).toEqual([10, 20, 20]);
  expect(accuracy).toEqual([0.4, 0.6, null]);
  expect(low).toEqual([0.3, 0.5, null]);
  expect(middle).toEqual([null, null, 0.6]);
});
