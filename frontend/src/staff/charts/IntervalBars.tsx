import { IntervalMark } from "../../shared/IntervalMark/IntervalMark";
import { FEW_ANSWERS, interval, percent, plural } from "../format";
import { type Reach, reachWords } from "../reach";

/** An estimate with its interval, and on how much it rests. */
export interface Measured {
  estimate: number | null;
  low: number;
  high: number;
  n: number;
}

export interface IntervalRow extends Measured, Omit<Reach, "n"> {
  code: string;
  name: string;
  /** What else is known, in words under the figure. */
  also?: string | null;
}

export interface IntervalBarsProps {
  /** What a row is: "Label", "Source". */
  what: string;
  rows: IntervalRow[];
  /** What is measured. */
  measure?: string;
  /** What is counted. */
  counted?: string;
  /** Whose the images left are is only the classifier's guess. */
  isGuessed?: boolean;
  /** How the scale and the figures are written; hundredths unless told. */
  figures?: Figures;
}

export interface Figures {
  top: string;
  middle: string;
  one: (value: number | null) => string;
  range: (low: number, high: number) => string;
}

const PERCENT: Figures = { top: "100 %", middle: "50", one: percent, range: interval };

/** For what is no share: 0.81, from 0 to 1. */
export const DECIMAL: Figures = {
  top: "1",
  middle: "0.5",
  one: (value) => (value === null ? "unknown" : decimal(value)),
  range: (low, high) => `${decimal(low)} to ${decimal(high)}`,
};

/** Two places, a real minus, and no "-0.00". */
export function decimal(value: number): string {
  return value
    .toFixed(2)
    .replace(/^-0\.00$/, "0.00")
    .replace("-", "\u2212");
}

/**
 * One row a label: a mark at the estimate and a bar for its 95 % interval, on one scale from 0 to
 * 100 %. Fewer than ten answers are drawn pale and say how many are missing; none says unknown.
 * The rows are a table, so a screen reader hears the same figures.
 */
export function IntervalBars(props: IntervalBarsProps) {
  const { what, rows, measure = "Accuracy", counted = "Images", figures = PERCENT } = props;
  const { isGuessed = false } = props;
  return (
    <table class="interval-bars">
      <caption class="visually-hidden">
        {measure} with its 95 % interval, by {what}
      </caption>
      <thead>
        <tr>
          <th scope="col">{what}</th>
          <th scope="col" class="interval-scale">
            <span class="visually-hidden">Interval from</span>
            <span>0</span>
            <span>{figures.middle}</span>
            <span>{figures.top}</span>
          </th>
          <th scope="col" class="num">
            {measure}
          </th>
          <th scope="col" class="num">
            {counted}
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <Row key={row.code} row={row} counted={counted} isGuessed={isGuessed} figures={figures} />
        ))}
      </tbody>
    </table>
  );
}

interface RowProps {
  row: IntervalRow;
  counted: string;
  isGuessed: boolean;
  figures: Figures;
}

function Row({ row, counted, isGuessed, figures }: RowProps) {
  const more = reachWords(row, isGuessed);
  return (
    <tr data-pale={row.n < FEW_ANSWERS} data-unknown={row.estimate === null}>
      <th scope="row">{row.name}</th>
      <td class="interval-cell" data-top={figures.top}>
        <IntervalMark estimate={row.estimate} low={row.low} high={row.high} />
      </td>
      <td class="num">
        <span class="interval-figure">{figures.one(row.estimate)}</span>
        {row.estimate !== null && (
          <span class="soft small interval-range">{figures.range(row.low, row.high)}</span>
        )}
        {row.also && (
          <span class="soft small interval-range">
            <span class="visually-hidden">, </span>
            {row.also}
          </span>
        )}
      </td>
      <td class="num" data-counted={counted.toLowerCase()}>
        {Math.round(row.n)}
        {more && (
          <span class="soft small interval-missing">
            <span class="visually-hidden">, </span>
            {more}
          </span>
        )}
      </td>
    </tr>
  );
}

/** Rows with most to tell first: measured ones from the worst up, then those still unknown. */
export function worstFirst<T extends Measured>(rows: readonly T[]): T[] {
  return [...rows].sort((a, b) => {
    if (a.estimate === null || b.estimate === null) {
      return Number(a.estimate === null) - Number(b.estimate === null);
    }
    return a.estimate - b.estimate || b.n - a.n;
  });
}

/** How far the slice is from saying something of every label, in one sentence. */
export function coverage(rows: readonly Measured[]): string {
  const unknown = rows.filter((row) => row.n === 0).length;
  const few = rows.filter((row) => row.n > 0 && row.n < FEW_ANSWERS).length;
  if (unknown === 0 && few === 0) return "Every label rests on ten audit images or more.";
  const parts = [];
  if (few > 0) parts.push(`${plural(few, "label")} on fewer than ten audit images (pale)`);
  if (unknown > 0) parts.push(`${plural(unknown, "label")} on none`);
  return `Still thin: ${parts.join(", ")}.`;
}
