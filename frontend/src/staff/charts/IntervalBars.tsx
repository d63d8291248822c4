import { FEW_ANSWERS, interval, percent } from "../format";
import type { ClassAccuracy } from "../types";

/**
 * One row a label: a dot at the estimate, a line for its interval, on a scale from 0 to 100 %.
 * Fewer than ten answers are drawn pale and say how many are missing; none says unknown. The rows
 * are a table, so a screen reader hears the same figures.
 */
export function IntervalBars({ rows }: { rows: ClassAccuracy[] }) {
  return (
    <table class="interval-bars">
      <caption class="visually-hidden">Accuracy of each label with its 95 % interval</caption>
      <thead>
        <tr>
          <th scope="col">Label</th>
          <th scope="col" class="interval-scale">
            <span>0</span>
            <span>50 %</span>
            <span>100 %</span>
          </th>
          <th scope="col" class="num">
            Accuracy
          </th>
          <th scope="col" class="num">
            Answers
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <IntervalRow key={row.code} row={row} />
        ))}
      </tbody>
    </table>
  );
}

function IntervalRow({ row }: { row: ClassAccuracy }) {
  const isPale = row.n < FEW_ANSWERS;
  return (
    <tr data-pale={isPale}>
      <th scope="row">{row.name}</th>
      <td>
        <svg
          class="interval-mark"
          viewBox="0 0 100 10"
          preserveAspectRatio="none"
          aria-hidden="true"
        >
          <line class="interval-axis" x1="0" x2="100" y1="5" y2="5" />
          {row.estimate !== null && (
            <>
              <line
                class="interval-line"
                x1={(row.low ?? 0) * 100}
                x2={(row.high ?? 1) * 100}
                y1="5"
                y2="5"
              />
              <line
                class="interval-point"
                x1={row.estimate * 100}
                x2={row.estimate * 100}
                y1="1"
                y2="9"
              />
            </>
          )}
        </svg>
      </td>
      <td class="num">
        {percent(row.estimate)}
        <span class="soft small"> {interval(row.low, row.high)}</span>
      </td>
      <td class="num">
        {row.n}
        {isPale && row.missing ? (
          <span class="soft small"> · about {row.missing} more for ±10</span>
        ) : null}
      </td>
    </tr>
  );
}
