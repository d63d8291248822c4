import { useRef, useState } from "preact/hooks";
import { Button } from "../../shared/Button/Button";
import { FEW_ANSWERS, fewWords, interval, moment, percent } from "../format";
import type { BandPoint, CurvePoint } from "../outlook/types";
import type { HistoryPoint } from "../types";
import { type Axis, columns, curveColumns, isWorthDrawing, withBand } from "./history";
import { type BandChart, bandOptions, usePlot } from "./plot";

const TABLE_ROWS = 12;
const AXES: Record<Axis, string> = { labels: "By labels", time: "Over time" };

export interface HistoryChartProps {
  points: HistoryPoint[];
  /** What the forecast was made of, by labels; weights of old versions are not kept for ever. */
  curve?: CurvePoint[] | undefined;
  /** Where the curve is likely to go, by labels; empty where nobody can say. */
  band?: BandPoint[] | undefined;
}

const NO_CURVE: CurvePoint[] = [];
const NO_BAND: BandPoint[] = [];
const SERVED =
  "Every version that served, measured on today's audit answers: the curve shows the classifier, and not the audit images growing in number.";
const FITTED =
  "Classifiers fitted on the first labels, in the order they came, measured on the audit images settled today. Open ones are left out here; over time they count both ways.";

/** Accuracy with its interval as a band, by labels or over time; the same as a table below. */
export function HistoryChart({ points, curve = NO_CURVE, band = NO_BAND }: HistoryChartProps) {
  const host = useRef<HTMLDivElement>(null);
  const [axis, setAxis] = useState<Axis>("labels");
  const isDrawn = isWorthDrawing(points);
  const isAhead = axis === "labels" && band.length > 0;
  usePlot(host, isDrawn, [points, curve, band, axis], (width) => ({
    options: bandOptions(width, { ...chart(axis), hasForecast: isAhead }),
    data: isAhead ? withBand(curveColumns(curve), band) : columns(points, axis),
  }));

  if (points.length < 2) {
    return <p class="soft">A curve appears with the second version of the classifier.</p>;
  }
  if (!isDrawn) {
    return (
      <div class="stack">
        <p class="soft">
          A curve appears with {FEW_ANSWERS} audit answers; fewer say too little to draw.
        </p>
        <PointTable points={points} />
      </div>
    );
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
      <p class="soft small">{isAhead ? FITTED : SERVED}</p>
      <div ref={host} class="history-chart" aria-hidden="true" />
      <p class="legend small soft" aria-hidden="true">
        <span class="legend-item" data-series="accuracy">
          accuracy with its 95 % interval
        </span>
        {isAhead && (
          <span class="legend-item" data-series="forecast">
            where it is likely to go, 8 times in 10
          </span>
        )}
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

function chart(axis: Axis): BandChart {
  return {
    along: axis === "time" ? "time" : { label: "labels it learned from" },
    estimate: { range: [0, 1], size: 56, words: percent },
    second: {
      token: "--series-3",
      range: (_, __, max) => [0, max],
      size: 48,
      isShown: axis === "time",
      hasPoints: false,
    },
  };
}
