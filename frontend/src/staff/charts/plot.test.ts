import type uPlot from "uplot";
import { expect, test, vi } from "vitest";
import { type BandChart, bandOptions } from "./plot";

vi.mock("uplot/dist/uPlot.min.css", () => ({}));

const CHART: BandChart = {
  along: "time",
  estimate: { range: [0, 1], size: 56, words: (share) => `${share * 100} %` },
  second: { token: "--series-3", range: [0, 9], size: 48, isShown: true, hasPoints: false },
};

test("the interval is the band between the third and the fourth column", () => {
  const { bands, series } = bandOptions(400, CHART);

  expect(bands?.map((band) => band.series)).toEqual([[3, 2]]);
  expect(series).toHaveLength(5);
  expect(series.slice(2, 4).map((edge) => edge.width)).toEqual([0, 0]);
});

test("a second series that is not shown takes its axis with it", () => {
  const hidden = { ...CHART, second: { ...CHART.second, isShown: false } };
  const { axes, series } = bandOptions(400, hidden);

  expect(axes?.[2]?.show).toBe(false);
  expect(series[4]?.show).toBe(false);
  expect(series[4]?.scale).toBe("second");
});

test("ticks are written as the chart says, or as they are", () => {
  const { axes } = bandOptions(400, CHART);
  const write = axes?.[1]?.values as (plot: uPlot, ticks: number[]) => string[];

  expect(write({} as uPlot, [0, 0.5])).toEqual(["0 %", "50 %"]);
  expect(axes?.[2]?.values).toBeUndefined();
});

test("an axis that is no time is named", () => {
  const { axes, scales } = bandOptions(400, { ...CHART, along: { label: "labels" } });

  expect(scales?.x?.time).toBe(false);
  expect(axes?.[0]?.label).toBe("labels");
});
