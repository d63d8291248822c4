import { useRef } from "preact/hooks";
import type uPlot from "uplot";
import { moment, percent } from "../format";
import type { AgreementPoint } from "../types";
import { columns, topOfErrors } from "./agreement";
import { decimal } from "./IntervalBars";
import { CHART_HEIGHT, colour, usePlot } from "./plot";

const TABLE_ROWS = 12;

/** Alpha with its interval as a band, and the expected wrong labels, over time. */
export function AgreementChart({ points }: { points: AgreementPoint[] }) {
  const host = useRef<HTMLDivElement>(null);
  usePlot(host, points.length >= 2, [points], (width) => ({
    options: options(width, topOfErrors(points)),
    data: columns(points),
  }));
  if (points.length < 2) {
    return <p class="soft small">A curve appears once it has been measured twice.</p>;
  }
  return (
    <div class="stack">
      <div ref={host} class="history-chart" aria-hidden="true" />
      <p class="legend small soft" aria-hidden="true">
        <span class="legend-item">alpha with its 95 % interval</span>
        <span class="legend-item" data-series="wrong">
          expected wrong labels
        </span>
      </p>
      <details>
        <summary>The newest as a table</summary>
        <div class="table-scroll">
          <table class="plain-table">
            <thead>
              <tr>
                <th scope="col">Measured</th>
                <th scope="col" class="num">
                  Alpha
                </th>
                <th scope="col" class="num">
                  Expected wrong labels
                </th>
              </tr>
            </thead>
            <tbody>
              {points.slice(-TABLE_ROWS).map((point) => (
                <tr key={point.at}>
                  <th scope="row">{moment(point.at)}</th>
                  <td class="num">{alphaWords(point)}</td>
                  <td class="num">{percent(point.expected_error)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </div>
  );
}

function alphaWords({ alpha, low, high }: AgreementPoint): string {
  if (alpha === null) return "unknown";
  if (low === null || high === null) return decimal(alpha);
  return `${decimal(alpha)} (${decimal(low)} to ${decimal(high)})`;
}

function options(width: number, top: number): uPlot.Options {
  const ink = colour("--ink-soft");
  const line = colour("--series-1");
  const second = colour("--series-2");
  const font = `12px ${colour("--font") || "sans-serif"}`;
  const grid = { stroke: colour("--line"), width: 1 };
  const base = { stroke: ink, font, labelFont: font, ticks: grid };
  const edge = { stroke: line, width: 0, points: { show: false } };
  const dots = (stroke: string) => ({ show: true, size: 6, fill: stroke });
  return {
    width,
    height: CHART_HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    scales: {
      x: { time: true },
      y: { range: (_, low) => [Math.min(0, low), 1] },
      wrong: { range: [0, top] },
    },
    axes: [
      { ...base, grid: { show: false } },
      { ...base, grid, size: 48 },
      {
        ...base,
        grid: { show: false },
        scale: "wrong",
        side: 1,
        size: 52,
        values: (_, ticks) => ticks.map((tick) => percent(tick)),
      },
    ],
    series: [
      {},
      { stroke: line, width: 2, spanGaps: true, points: dots(line) },
      edge,
      edge,
      { stroke: second, width: 2, dash: [5, 4], scale: "wrong", points: dots(second) },
    ],
    bands: [{ series: [3, 2], fill: `${line}30` }],
  };
}
