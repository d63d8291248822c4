import { useState } from "preact/hooks";
import { percent } from "../format";
import { ShowAll } from "../ShowAll";
import type { Overview } from "../types";
import { asOf, isWaiting, sinceThen } from "./age";
import { inOrder, standing, TONE } from "./needs";
import type { Figures, Outlook } from "./types";

/** So many rows are shown before somebody asks for all. */
const ROWS_AT_FIRST = 8;

interface OutlookSectionProps {
  outlook: Outlook;
  /** What the tiles above show: these figures may be older. */
  overview: Overview;
  slug: string;
}

/** How far the target is, whether to go on, and what choosing images has saved. */
export function OutlookSection({ outlook, overview, slug }: OutlookSectionProps) {
  const figures = isWaiting(outlook) ? null : outlook.figures;
  return (
    <section class="card stack" aria-labelledby="outlook-head">
      <h2 id="outlook-head">How much further?</h2>
      {figures ? (
        <>
          <p class="soft small">
            {asOf(outlook.computed_at, figures)} {sinceThen(figures, overview)}
          </p>
          <Said outlook={outlook} figures={figures} slug={slug} />
        </>
      ) : (
        <p class="soft">
          The forecast is being worked out; it comes soon after the first classifier.
        </p>
      )}
    </section>
  );
}

interface SaidProps {
  outlook: Outlook;
  figures: Figures;
  slug: string;
}

function Said({ outlook, figures, slug }: SaidProps) {
  const { overall, advice, savings, target } = figures;
  return (
    <>
      <dl class="outlook-list">
        {advice && (
          <div>
            <dt>Go on or stop</dt>
            <dd>{advice.sentence}</dd>
          </div>
        )}
        <div>
          <dt>{target === null ? "To the target" : `To ${percent(target)}`}</dt>
          <dd>
            {overall.sentence}{" "}
            {overall.refusal === "no_target" && <a href={`/staff/${slug}/settings`}>Settings</a>}
          </dd>
        </div>
        <div>
          <dt>Answers saved</dt>
          <dd>
            {savings.sentence}
            {outlook.fallback && (
              <strong class="outlook-fallback">{outlook.fallback_because}</strong>
            )}
          </dd>
        </div>
      </dl>
      {advice && (
        <details class="small">
          <summary>The numbers behind it</summary>
          <p>
            From one step of 5 % more labels to the next, the classifier's answers agree by{" "}
            {advice.kappa.toFixed(3)} (Cohen's kappa, 1 is all); from 0.99 on they count as settled.
            The curve behind the forecast uses settled audit images only; the accuracy quoted is the
            one above, which counts open images both ways.
          </p>
        </details>
      )}
    </>
  );
}

/** What each label still needs, those that need most of somebody first. */
export function LabelNeeds({ outlook, slug }: { outlook: Outlook; slug: string }) {
  const { figures } = outlook;
  return figures && <Needs figures={figures} computedAt={outlook.computed_at} slug={slug} />;
}

interface NeedsProps {
  figures: Figures;
  computedAt: string | null;
  slug: string;
}

function Needs({ figures, computedAt, slug }: NeedsProps) {
  const [isAll, setAll] = useState(false);
  const rows = inOrder(figures.per_label);
  if (figures.target === null || rows.every((row) => row.standing === "unknown")) return null;
  const shown = isAll ? rows : rows.slice(0, ROWS_AT_FIRST);
  return (
    <section class="card stack">
      <h2>What each label needs</h2>
      <p class="soft small">
        To be right {percent(figures.target)} of the time, by its audit images, how the classifier
        does on its labeled images, and the curve of all labels together; the range holds 8 times in
        10. {asOf(computedAt, figures)}
      </p>
      <div class="table-scroll">
        <table class="plain-table">
          <thead>
            <tr>
              <th scope="col">Label</th>
              <th scope="col">It is</th>
              <th scope="col">In words</th>
              <th scope="col" class="num">
                Labels
              </th>
              <th scope="col" class="num">
                Audit images
              </th>
            </tr>
          </thead>
          <tbody>
            {shown.map((row) => (
              <tr key={row.code}>
                <th scope="row" class="wrap">
                  {row.name}
                </th>
                <td>
                  <span class="pill" data-tone={TONE[row.standing]}>
                    {standing(row)}
                  </span>
                </td>
                <td>
                  {row.sentence}{" "}
                  {row.standing === "merge" && <a href={`/staff/${slug}/labels`}>Labels</a>}
                </td>
                <td class="num">{row.labels}</td>
                <td class="num">{row.n}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <ShowAll
        total={rows.length}
        atFirst={ROWS_AT_FIRST}
        things="labels"
        isAll={isAll}
        onChange={setAll}
      />
    </section>
  );
}
