import { useState } from "preact/hooks";
import { api } from "../api/client";
import { Button } from "../shared/Button/Button";
import { Dialog } from "../shared/Dialog/Dialog";
import { ErrorNote } from "../shared/ErrorNote/ErrorNote";
import { count } from "../shared/numbers";
import { EVIDENCE, moment, money, seconds } from "./format";
import type { Run, Version } from "./types";
import { useAction } from "./useAction";
import { useResource } from "./useResource";

const STATE_TONE: Record<string, string> = {
  CHAMPION: "good",
  CHALLENGER: "info",
  REJECTED: "danger",
};

export function VersionsPage({ slug }: { slug: string }) {
  const base = `staff/projects/${slug}`;
  const versions = useResource<Version[]>(`${base}/versions`);
  const runs = useResource<Run[]>(`${base}/runs`);
  const [asked, setAsked] = useState<Version | null>(null);
  const [shown, setShown] = useState<Version | null>(null);
  const { busy, run } = useAction();

  const rollBack = async (version: Version) => {
    await run(
      () => api.post(`${base}/versions/${version.id}/roll-back`),
      `Version ${version.number} serves again.`,
    );
    setAsked(null);
    versions.reload();
  };

  return (
    <div class="stack">
      <section class="card stack">
        <h2>Versions of the classifier</h2>
        <ErrorNote error={versions.error} onRetry={versions.reload} />
        <div class="table-scroll">
          <table class="plain-table">
            <thead>
              <tr>
                <th scope="col">Version</th>
                <th scope="col">State</th>
                <th scope="col">Verdict</th>
                <th scope="col" class="num">
                  Labels
                </th>
                <th scope="col">Made</th>
                <th scope="col">
                  <span class="visually-hidden">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {(versions.data ?? []).map((version) => (
                <tr key={version.id}>
                  <th scope="row">
                    v{version.number}
                    {version.kind === "FINETUNE" && <span class="soft small"> fine-tuned</span>}
                  </th>
                  <td>
                    <span class="pill" data-tone={STATE_TONE[version.state]}>
                      {version.state.toLowerCase()}
                    </span>{" "}
                    <span class="soft small">{EVIDENCE[version.evidence]}</span>
                  </td>
                  <td class="verdict">{version.verdict}</td>
                  <td class="num">{count(version.n_labels)}</td>
                  <td>{moment(version.created_at)}</td>
                  <td class="row-actions">
                    <Button size="s" tone="quiet" onClick={() => setShown(version)}>
                      Evidence
                    </Button>
                    {version.state === "RETIRED" && (
                      <Button size="s" onClick={() => setAsked(version)}>
                        Roll back
                      </Button>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
        {versions.data?.length === 0 && <p class="soft">No version yet.</p>}
      </section>
      <Runs runs={runs.data ?? []} error={runs.error} />
      <Dialog open={asked !== null} title="Roll back?" onClose={() => setAsked(null)}>
        {asked && (
          <div class="stack">
            <p>
              Version {asked.number} will answer from now on. Nothing is deleted; you can go forward
              again.
            </p>
            <div class="row">
              <Button tone="primary" busy={busy} onClick={() => rollBack(asked)}>
                Serve version {asked.number}
              </Button>
              <Button onClick={() => setAsked(null)}>Keep the present one</Button>
            </div>
          </div>
        )}
      </Dialog>
      <Dialog
        open={shown !== null}
        wide
        title={`What is known of version ${shown?.number ?? ""}`}
        onClose={() => setShown(null)}
      >
        {shown && <Evidence version={shown} />}
      </Dialog>
    </div>
  );
}

function Evidence({ version }: { version: Version }) {
  return (
    <div class="stack">
      <p>{version.verdict}</p>
      <h3>Gate</h3>
      <pre class="facts">{JSON.stringify(version.gate, null, 2)}</pre>
      <h3>Measured</h3>
      <pre class="facts">{JSON.stringify(version.metrics, null, 2)}</pre>
    </div>
  );
}

function Runs({ runs, error }: { runs: Run[]; error: unknown }) {
  return (
    <section class="card stack">
      <h2>Training runs</h2>
      <ErrorNote error={error} />
      <div class="table-scroll">
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
            {runs.map((item) => (
              <tr key={item.id}>
                <th scope="row">{item.kind === "FINETUNE" ? "Fine-tune" : "Head"}</th>
                <td>{item.trigger}</td>
                <td>
                  {item.state.toLowerCase()}
                  {item.error && <span class="soft small"> {item.error}</span>}
                </td>
                <td class="num">{seconds(item.seconds)}</td>
                <td class="num">{money(item.cost)}</td>
                <td>{moment(item.created_at)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
