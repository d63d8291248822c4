import { useState } from "preact/hooks";
import { Button } from "../shared/Button/Button";
import { ErrorNote } from "../shared/ErrorNote/ErrorNote";
import { moment, money, RUN_KIND, RUN_STATE, seconds, words } from "./format";
import type { Run } from "./types";
import { useResource } from "./useResource";

const STATE_TONE: Record<string, string> = {
  SUCCEEDED: "good",
  RUNNING: "info",
  FAILED: "danger",
  REFUSED: "warn",
};

/** So many rows are shown before somebody asks for more, and so many come each time. */
const ROWS_AT_A_TIME = 10;

/** What was trained, what it took and what it cost. */
export function RunsSection({ base }: { base: string }) {
  const { data, error, reload } = useResource<Run[]>(`${base}/runs`);
  const [limit, setLimit] = useState(ROWS_AT_A_TIME);
  const left = (data?.length ?? 0) - limit;
  return (
    <section class="card stack">
      <h2>Training runs</h2>
      <ErrorNote error={error} onRetry={reload} />
      {data?.length === 0 && <p class="soft">Nothing was trained yet.</p>}
      {data && data.length > 0 && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a wide table must scroll by keyboard too.
        <section class="table-scroll" tabIndex={0} aria-label="Training runs">
          <table class="plain-table">
            <thead>
              <tr>
                <th scope="col">What</th>
                <th scope="col">Why</th>
                <th scope="col">State</th>
                <th scope="col" class="num">
                  Took
                </th>
                <th scope="col" class="num">
                  Price
                </th>
                <th scope="col">When</th>
              </tr>
            </thead>
            <tbody>
              {data.slice(0, limit).map((run) => (
                <RunRow key={run.id} run={run} />
              ))}
            </tbody>
          </table>
        </section>
      )}
      {left > 0 && (
        <p>
          <Button size="s" onClick={() => setLimit(limit + ROWS_AT_A_TIME)}>
            Show {Math.min(left, ROWS_AT_A_TIME)} older runs
          </Button>
        </p>
      )}
    </section>
  );
}

function RunRow({ run }: { run: Run }) {
  return (
    <tr>
      <th scope="row">
        {RUN_KIND[run.kind] ?? words(run.kind)}
        {run.version !== null && <span class="soft"> → v{run.version}</span>}
      </th>
      <td>{words(run.trigger)}</td>
      <td class="wrap">
        <span class="pill" data-tone={STATE_TONE[run.state]}>
          {RUN_STATE[run.state] ?? words(run.state)}
        </span>
        {run.error && <span class="soft small"> {run.error}</span>}
      </td>
      <td class="num">{seconds(run.seconds)}</td>
      <td class="num">{money(run.cost)}</td>
      <td class="nowrap">{moment(run.created_at)}</td>
    </tr>
  );
}
