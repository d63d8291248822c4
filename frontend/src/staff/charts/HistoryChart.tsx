import { useRef, useState } from "preact/hooks";
import type uPlot from "uplot";
import { Button } from "../../shared/Button/Button";
import { FEW_ANSWERS, fewWords, interval, moment, percent } from "../format";
import type { HistoryPoint } from "../types";
import { type Axis, columns } from "./history";
import { colour, CHART_HEIGHT as HEIGHT, usePlot } from "./plot";

const TABLE_ROWS = 12;
const AXES: Record<Axis, string> = { labels: "By labels", time: "Over time" };

/** Accuracy with its interval as a band, by labels or over time; the same as a table below. */
export function HistoryChart({ points }: { points: HistoryPoint[] }) {
  const host = useRef<HTMLDivElement>(null);
  const [axis, setAxis] = useState<Axis>("labels");
  usePlot(host, points.length >= 2, [points, axis], (width) => ({
    options: options(width, axis),
    data: columns(points, axis),
  }));

  if (points.length < 2) {
    return <p class="soft">A curve appears with the second version of the classifier.</p>;
  }
  return (
    <div class="stack">
      <fieldset class="segments">
        <legend class="visually-hidden">Horizontal axis</legend>
        {Object.entries(AXES).map(([key, name]) => (
          <Button
            key={key}
            size="s"
            tone="quiet"
            aria-pressed={key === axis}
            onClick={() => setAxis(key as Axis)}
          >
            {name}
          </Button>
        ))}
      </fieldset>
      <div ref={host} class="history-chart" aria-hidden="true" />
      <p class="legend small soft" aria-hidden="true">
        <span class="legend-item" data-series="accuracy">
          accuracy with its 95 % interval
        </span>
        {axis === "time" && (
          <span class="legend-item" data-series="labels">
            labels
          </span>
        )}
      </p>
      <PointTable points={points} />
    </div>
  );
}

function PointTable({ points }: { points: HistoryPoint[] }) {
  return (
    <details>
      <summary>The newest as a table</summary>
      <div class="table-scroll">
        <table class="plain-table">
          <thead>
            <tr>
              <th scope="col">Version</th>
              <th scope="col">Since</th>
              <th scope="col" class="num">
                Labels
              </th>
              <th scope="col" class="num">
                Answers
              </th>
              <th scope="col" class="num">
                Accuracy
              </th>
              <th scope="col" class="num">
                Audit images
              </th>
            </tr>
          </thead>
          <tbody>
            {points.slice(-TABLE_ROWS).map((point) => (
              <tr key={`${point.version}-${point.at}`}>
                <th scope="row">v{point.version}</th>
                <td>{moment(point.at)}</td>
                <td class="num">{point.labels}</td>
                <td class="num">{point.answers}</td>
                <td class="num">{accuracyWords(point)}</td>
                <td class="num">{point.n}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

function accuracyWords({ accuracy, low, high, n }: HistoryPoint): string {
  if (accuracy === null) return "unknown";
  if (n < FEW_ANSWERS) return fewWords({ estimate: accuracy, n });
  return `${percent(accuracy)} ${interval(low, high)}`;
}

function options(width: number, axis: Axis): uPlot.Options {
  const ink = colour("--ink-soft");
  const line = colour("--series-1");
  const second = colour("--series-3");
  const font = `12px ${colour("--font") || "sans-serif"}`;
  const grid = { stroke: colour("--line"), width: 1 };
  const base = { stroke: ink, font, labelFont: font, ticks: grid };
  const edge = { stroke: line, width: 0, points: { show: false } };
  const isTime = axis === "time";
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    scales: {
      x: { time: isTime },
      y: { range: [0, 1] },
      labels: { range: (_, __, max) => [0, max] },
    },
    axes: [
      { ...base, grid: { show: false }, ...(isTime ? {} : { label: "labels it learned from" }) },
      { ...base, grid, values: (_, ticks) => ticks.map((tick) => percent(tick)), size: 56 },
      { ...base, grid: { show: false }, scale: "labels", side: 1, show: isTime, size: 48 },
    ],
    series: [
      {},
      { stroke: line, width: 2, points: { show: true, size: 6, fill: line } },
      edge,
      edge,
      {
        stroke: second,
        width: 2,
        dash: [5, 4],
        scale: "labels",
        show: isTime,
        points: { show: false },
      },
    ],
    bands: [{ series: [3, 2], fill: `${line}30` }],
  };
}
