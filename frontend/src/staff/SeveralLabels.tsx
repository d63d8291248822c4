import { useState } from "preact/hooks";
import { FEW_ANSWERS, interval, labeledHow, percent, plural } from "./format";
import { ShowAll } from "./ShowAll";
import type { Between, SetFigures, SetLabel } from "./types";

/** So many rows are shown before somebody asks for all. */
const ROWS_AT_FIRST = 12;

/** Where a picture may show several things: how well each is found, and which come together. */
export function SeveralLabels({
  figures,
  cameWith,
}: {
  figures: SetFigures;
  /** The labels came with the pictures: nobody was asked. */
  cameWith: boolean;
}) {
  const [isAll, setAll] = useState(false);
  const rows = leastFoundFirst(figures.labels);
  const shown = isAll ? rows : rows.slice(0, ROWS_AT_FIRST);
  return (
    <section class="card stack">
      <h2>How well each label is found</h2>
      <p class="soft small">
        A picture may show several things at once, so each label is a yes or no of its own. From the
        audit images only: drawn at random, {labeledHow(cameWith)}, never learned from.{" "}
        {summary(figures)}
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls sideways must be reached by keys. */}
      <section class="table-scroll" tabIndex={0} aria-label="How well each label is found, table">
        <table class="plain-table several-labels">
          <caption class="visually-hidden">
            How often each label is found, and how often it is right when said, with 95 % intervals
          </caption>
          <thead>
            <tr>
              <th scope="col">Label</th>
              <th scope="col" class="num">
                Shown by
              </th>
              <th scope="col" class="num">
                Found there
              </th>
              <th scope="col" class="num">
                Right when said
              </th>
              <th scope="col" class="num">
                Ranking
              </th>
            </tr>
          </thead>
          <tbody>
            {shown.map((row) => (
              <Row key={row.code} row={row} />
            ))}
          </tbody>
        </table>
      </section>
      <ShowAll
        total={rows.length}
        atFirst={ROWS_AT_FIRST}
        things="labels"
        isAll={isAll}
        onChange={setAll}
      />
      <p class="soft small">
        Found there: of the pictures that show it, how many the classifier says it of. Right when
        said: of the pictures it says it of, how many show it. Ranking: 100 % where every picture
        that shows it is held likelier than every one that does not.
      </p>
      {figures.together.length > 0 && <Together figures={figures} />}
    </section>
  );
}

function Row({ row }: { row: SetLabel }) {
  return (
    <tr class={row.n_yes < FEW_ANSWERS ? "soft" : undefined}>
      <th scope="row">{row.name}</th>
      <td class="num">
        {row.n_yes} of {row.n}
      </td>
      <Share found={row.recall} nothing="unknown" />
      <Share found={row.precision} nothing={row.threshold === null ? "not said yet" : "not said"} />
      <td class="num">{percent(row.average_precision)}</td>
    </tr>
  );
}

function Share({ found, nothing }: { found: Between | null; nothing: string }) {
  if (found === null || found.estimate === null) return <td class="num soft">{nothing}</td>;
  return (
    <td class="num">
      {percent(found.estimate)} <span class="soft small">({interval(found.low, found.high)})</span>
    </td>
  );
}

function Together({ figures }: { figures: SetFigures }) {
  return (
    <details>
      <summary>What is seen together</summary>
      <ul>
        {figures.together.map((pair) => (
          <li key={pair.names.join(" + ")}>
            {pair.names.join(" and ")}: {plural(pair.n, "picture")}
          </li>
        ))}
      </ul>
    </details>
  );
}

/** Labels with most to tell first: from the least found up, then those that no picture shows. */
export function leastFoundFirst(labels: readonly SetLabel[]): SetLabel[] {
  const found = (row: SetLabel) => row.recall?.estimate ?? 2;
  return [...labels].sort((a, b) => found(a) - found(b) || b.n_yes - a.n_yes);
}

/** All labels in one sentence, and how much it rests on. */
export function summary(figures: SetFigures): string {
  if (figures.images === 0) return "Nothing is measured yet.";
  const thin = figures.labels.filter((row) => row.n_yes < FEW_ANSWERS).length;
  const all = `On ${plural(figures.images, "picture")}, all labels together: ${percent(figures.micro_f1)}, where a label missed and a label too many count alike (F1).`;
  return thin === 0 ? all : `${all} ${plural(thin, "label")} on fewer than ten pictures (pale).`;
}
