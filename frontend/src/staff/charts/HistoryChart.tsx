import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { interval, moment, percent } from "../format";
import type { HistoryPoint } from "../types";

function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

const HEIGHT = 240;

/** Accuracy over labels with its interval as a band; the last points stand in a table below. */
export function HistoryChart({ points }: { points: HistoryPoint[] }) {
  const host = useRef<HTMLDivElement>(null);

  useEffect(() => {
    const element = host.current;
    if (!element || points.length < 2) return;
    const ink = colour("--ink-soft");
    const grid = { stroke: colour("--line"), width: 1 };
    const line = colour("--series-1");
    const plot = new uPlot(
      {
        width: element.clientWidth,
        height: HEIGHT,
        cursor: { drag: { x: false, y: false } },
        legend: { show: true },
        scales: { x: { time: false }, y: { range: [0, 1] } },
        axes: [
          { stroke: ink, grid, label: "labels the version learned from" },
          { stroke: ink, grid, values: (_, ticks) => ticks.map((tick) => percent(tick)), size: 60 },
        ],
        series: [
          { label: "labels" },
          {
            label: "accuracy",
            stroke: line,
            width: 2,
            spanGaps: true,
            points: { size: 5 },
            value: (_, value) => percent(value),
          },
          {
            label: "low",
            stroke: line,
            width: 0,
            points: { show: false },
            value: (_, v) => percent(v),
          },
          {
            label: "high",
            stroke: line,
            width: 0,
            points: { show: false },
            value: (_, v) => percent(v),
          },
        ],
        bands: [{ series: [3, 2], fill: `${line}33` }],
      },
      [
        points.map((point) => point.labels),
        points.map((point) => point.accuracy),
        points.map((point) => point.low),
        points.map((point) => point.high),
      ],
      element,
    );
    const resize = new ResizeObserver(() =>
      plot.setSize({ width: element.clientWidth, height: HEIGHT }),
    );
    resize.observe(element);
    return () => {
      resize.disconnect();
      plot.destroy();
    };
  }, [points]);

  if (points.length < 2) return <p class="soft">A curve appears with the second version.</p>;
  return (
    <>
      <div ref={host} class="history-chart" aria-hidden="true" />
      <details>
        <summary>The same as a table</summary>
        <table class="plain-table">
          <thead>
            <tr>
              <th scope="col">Version</th>
              <th scope="col">When</th>
              <th scope="col" class="num">
                Labels
              </th>
              <th scope="col" class="num">
                Accuracy
              </th>
              <th scope="col" class="num">
                Audit answers
              </th>
            </tr>
          </thead>
          <tbody>
            {points.slice(-12).map((point) => (
              <tr key={`${point.version}-${point.at}`}>
                <th scope="row">v{point.version}</th>
                <td>{moment(point.at)}</td>
                <td class="num">{point.labels}</td>
                <td class="num">
                  {percent(point.accuracy)} {interval(point.low, point.high)}
                </td>
                <td class="num">{point.n}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </>
  );
}
