import { useState } from "preact/hooks";
import { moment, percent } from "../format";
import { LooksChart } from "./LooksChart";
import type { Comparison } from "./types";
import { countsWords, evidenceShare, standing, title } from "./words";

const SHOWN_AT_FIRST = 5;

/** Tests on the audit slice, newest first: what was compared, how it stands, how it got there. */
export function GateHistory({ comparisons }: { comparisons: Comparison[] }) {
  const [isAll, setAll] = useState(false);
  const looked = comparisons.filter((each) => each.looks.length > 0);
  const shown = isAll ? looked : looked.slice(0, SHOWN_AT_FIRST);
  return (
    <section class="card stack">
      <h2>Tests on the audit images</h2>
      <p class="soft small">
        Two versions are asked about the same audit images, which nobody learned from. Images that
        are not settled yet are left out for both, so these figures are narrower than the
        overview's, which counts them both ways.
      </p>
      {looked.length === 0 ? (
        <p class="soft">None yet. The first one begins with ten answered audit images.</p>
      ) : (
        <ol class="gate-list">
          {shown.map((each) => (
            <GateItem key={`${each.kind}-${each.created_at}-${each.version}`} comparison={each} />
          ))}
        </ol>
      )}
      {looked.length > shown.length && (
        <p>
          <button type="button" class="link-button" onClick={() => setAll(true)}>
            Show all {looked.length} tests
          </button>
        </p>
      )}
    </section>
  );
}

function GateItem({ comparison }: { comparison: Comparison }) {
  const { words, tone } = standing(comparison);
  const share = evidenceShare(comparison);
  const bound = comparison.kind === "MONITOR" ? "a roll-back" : "a proof";
  return (
    <li>
      <details class="gate-item">
        <summary>
          <span class="gate-title">{title(comparison)}</span>
          <span class="pill" data-tone={tone}>
            {words}
          </span>
          <span class="small soft">{countsWords(comparison)}</span>
        </summary>
        <div class="stack gate-body">
          <p>{comparison.sentence}</p>
          {share !== null && comparison.decision === "RUNNING" && (
            <p class="small">
              {percent(share)} of the evidence that {bound} needs.
            </p>
          )}
          <LooksChart comparison={comparison} />
          <p class="small soft">
            Begun {moment(comparison.created_at)}, last look {moment(comparison.updated_at)}.
          </p>
        </div>
      </details>
    </li>
  );
}
