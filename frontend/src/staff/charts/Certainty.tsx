import { FEW_ANSWERS, interval, percent, plural } from "../format";
import type { Calibration, ReliabilityBin } from "../types";
import { certaintySentence } from "./certainty";

const SIZE = 280;
const LEFT = 44;
const BOTTOM = 40;
const TOP = 46;
const TICKS = [0, 0.25, 0.5, 0.75, 1];

const across = (share: number) => LEFT + share * SIZE;
const up = (share: number) => TOP + SIZE - share * SIZE;

/** How sure the classifier says it is, beside how often it is right; on the line they agree. */
export function Certainty({ calibration }: { calibration: Calibration | undefined }) {
  if (!calibration || calibration.n < FEW_ANSWERS) return null;
  return (
    <section class="card stack">
      <h2>Is it as sure as it may be?</h2>
      <p>{certaintySentence(calibration)}</p>
      <Diagram bins={calibration.bins} />
      <details>
        <summary>The same as a table</summary>
        <div class="table-scroll">
          <table class="plain-table">
            <thead>
              <tr>
                <th scope="col">How sure</th>
                <th scope="col" class="num">
                  On average
                </th>
                <th scope="col" class="num">
                  Right
                </th>
                <th scope="col" class="num">
                  Audit images
                </th>
              </tr>
            </thead>
            <tbody>
              {calibration.bins.map((bin) => (
                <tr key={bin.from}>
                  <th scope="row">{interval(bin.from, bin.to)}</th>
                  <td class="num">{percent(bin.confidence)}</td>
                  <td class="num">
                    {percent(bin.estimate)} ({interval(bin.low, bin.high)})
                  </td>
                  <td class="num">{bin.n}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </section>
  );
}

function Diagram({ bins }: { bins: ReliabilityBin[] }) {
  const width = LEFT + SIZE + 24;
  const height = TOP + SIZE + BOTTOM;
  return (
    <svg class="certainty" viewBox={`0 0 ${width} ${height}`} aria-hidden="true">
      {TICKS.map((tick) => (
        <g key={tick}>
          <line class="certainty-grid" x1={LEFT} x2={across(1)} y1={up(tick)} y2={up(tick)} />
          <text x={LEFT - 6} y={up(tick) + 4} text-anchor="end">
            {percent(tick)}
          </text>
          <text x={across(tick)} y={up(0) + 16} text-anchor="middle">
            {percent(tick)}
          </text>
        </g>
      ))}
      <text x={across(0.5)} y={up(0) + 34} text-anchor="middle">
        how sure it says it is
      </text>
      <text x={LEFT} y={14} text-anchor="start">
        how often it is right; images above each
      </text>
      <line class="certainty-ideal" x1={across(0)} y1={up(0)} x2={across(1)} y2={up(1)} />
      {bins.map((bin) => (
        <Mark key={bin.from} bin={bin} />
      ))}
    </svg>
  );
}

function Mark({ bin }: { bin: ReliabilityBin }) {
  const x = across(bin.confidence);
  return (
    <g data-pale={bin.n < FEW_ANSWERS} class="certainty-mark">
      <title>{plural(bin.n, "audit image")}</title>
      <line x1={x} x2={x} y1={up(bin.low)} y2={up(bin.high)} />
      <circle cx={x} cy={up(bin.estimate ?? 0)} r={5} />
      <text x={x} y={up(bin.high) - 9} text-anchor="middle">
        {bin.n}
      </text>
    </g>
  );
}
