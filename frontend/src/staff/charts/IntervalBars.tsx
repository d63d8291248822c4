import { IntervalMark } from "../../shared/IntervalMark/IntervalMark";
import { FEW_ANSWERS, interval, percent, plural } from "../format";
import type { Estimate } from "../types";

export interface IntervalRow extends Estimate {
  code: string;
  name: string;
}

export interface IntervalBarsProps {
  /** What a row is: "Label", "Source". */
  what: string;
  rows: IntervalRow[];
}

/**
 * One row a label: a mark at the estimate and a bar for its 95 % interval, on one scale from 0 to
 * 100 %. Fewer than ten answers are drawn pale and say how many are missing; none says unknown.
 * The rows are a table, so a screen reader hears the same figures.
 */
export function IntervalBars({ what, rows }: IntervalBarsProps) {
  return (
    <table class="interval-bars">
      <caption class="visually-hidden">Accuracy with its 95 % interval, by {what}</caption>
      <thead>
        <tr>
          <th scope="col">{what}</th>
          <th scope="col" class="interval-scale">
            <span class="visually-hidden">Interval from</span>
            <span>0</span>
            <span>50</span>
            <span>100 %</span>
          </th>
          <th scope="col" class="num">
            Accuracy
          </th>
          <th scope="col" class="num">
            Images
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <Row key={row.code} row={row} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ row }: { row: IntervalRow }) {
  return (
    <tr data-pale={row.n < FEW_ANSWERS} data-unknown={row.estimate === null}>
      <th scope="row">{row.name}</th>
      <td class="interval-cell">
        <IntervalMark estimate={row.estimate} low={row.low} high={row.high} />
      </td>
      <td class="num">
        <span class="interval-figure">{percent(row.estimate)}</span>
        {row.estimate !== null && (
          <span class="soft small interval-range">{interval(row.low, row.high)}</span>
        )}
      </td>
      <td class="num">
        {row.n}
        {row.missing > 0 && (
          <span class="soft small interval-missing">
            <span class="visually-hidden">, </span>
            {row.missing} more for ±10
          </span>
        )}
      </td>
    </tr>
  );
}

/** Rows with most to tell first: measured ones from the worst up, then those still unknown. */
export function worstFirst<T extends Estimate>(rows: readonly T[]): T[] {
  return [...rows].sort((a, b) => {
    if (a.estimate === null || b.estimate === null) {
      return Number(a.estimate === null) - Number(b.estimate === null);
    }
    return a.estimate - b.estimate || b.n - a.n;
  });
}

/** How far the slice is from saying something of every label, in one sentence. */
export function coverage(rows: readonly Estimate[]): string {
  const unknown = rows.filter((row) => row.n === 0).length;
  const few = rows.filter((row) => row.n > 0 && row.n < FEW_ANSWERS).length;
  if (unknown === 0 && few === 0) return "Every label rests on ten audit images or more.";
  const parts = [];
  if (few > 0) parts.push(`${plural(few, "label")} on fewer than ten audit images (pale)`);
  if (unknown > 0) parts.push(`${plural(unknown, "label")} on none`);
  return `Still thin: ${parts.join(", ")}.`;
}
