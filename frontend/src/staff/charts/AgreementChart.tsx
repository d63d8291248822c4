import { useRef } from "preact/hooks";
import { moment, percent } from "../format";
import type { AgreementPoint } from "../people/types";
import { columns, topOfErrors } from "./agreement";
import { decimal } from "./IntervalBars";
import { type BandChart, bandOptions, usePlot } from "./plot";

const TABLE_ROWS = 12;

/** Alpha with its interval as a band, and the expected wrong labels, over time. */
export function AgreementChart({ points }: { points: AgreementPoint[] }) {
  const host = useRef<HTMLDivElement>(null);
  usePlot(host, points.length >= 2, [points], (width) => ({
    options: bandOptions(width, chart(topOfErrors(points))),
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

function chart(top: number): BandChart {
  return {
    along: "time",
    estimate: { range: (_, low) => [Math.min(0, low), 1], size: 48, spanGaps: true },
    second: {
      token: "--series-2",
      range: [0, top],
      size: 52,
      words: percent,
      isShown: true,
      hasPoints: true,
    },
  };
}
