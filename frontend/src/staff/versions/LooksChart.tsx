import { moment } from "../format";
import type { Comparison, Look } from "./types";

const WIDTH = 420;
const HEIGHT = 120;
const LEFT = 8;
const TOP = 18;
const BOTTOM = 22;

/** Evidence against the number of audit images, with the bound that ends the test. */
export function LooksChart({ comparison }: { comparison: Comparison }) {
  const { looks, needed, kind } = comparison;
  if (needed === null || looks.length < 2) return null;
  const place = scales(looks, needed);
  const points = looks.map((look) => `${place.x(look.n)},${place.y(look.log_e)}`).join(" ");
  const bound = place.y(needed);
  const last = looks[looks.length - 1] as Look;
  return (
    <figure class="looks">
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} class="looks-plot" aria-hidden="true">
        <line class="looks-base" x1={LEFT} x2={WIDTH} y1={place.y(0)} y2={place.y(0)} />
        <line class="looks-bound" x1={LEFT} x2={WIDTH} y1={bound} y2={bound} />
        <text x={LEFT} y={bound - 5}>
          {kind === "MONITOR" ? "here it is rolled back" : "here it is proven"}
        </text>
        <polyline class="looks-line" points={points} />
        <circle class="looks-last" cx={place.x(last.n)} cy={place.y(last.log_e)} r="4" />
        <text x={LEFT} y={HEIGHT - 5}>
          {looks[0]?.n} audit images
        </text>
        <text x={WIDTH} y={HEIGHT - 5} text-anchor="end">
          {last.n}
        </text>
      </svg>
      <figcaption class="small soft">
        Evidence after each look, from {moment(looks[0]?.at)} to {moment(last.at)}. It may be looked
        at as often as anybody likes.
      </figcaption>
    </figure>
  );
}

function scales(looks: Look[], needed: number) {
  const first = looks[0]?.n ?? 0;
  const span = Math.max(1, (looks[looks.length - 1]?.n ?? 0) - first);
  const values = looks.map((look) => look.log_e);
  const high = Math.max(needed * 1.05, ...values);
  const low = Math.min(0, ...values);
  const usable = HEIGHT - TOP - BOTTOM;
  return {
    x: (n: number) => round(LEFT + ((n - first) / span) * (WIDTH - 2 * LEFT)),
    y: (value: number) => round(TOP + ((high - value) / (high - low)) * usable),
  };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
