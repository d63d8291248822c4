import { useState } from "preact/hooks";
import { api } from "../api/client";
import { Button } from "../shared/Button/Button";
import { Dialog } from "../shared/Dialog/Dialog";
import { ErrorNote } from "../shared/ErrorNote/ErrorNote";
import { EvidencePill } from "../shared/EvidencePill/EvidencePill";
import { facts } from "./evidence";
import { moment, plural, VERSION_STATE, words } from "./format";
import { Loading } from "./Loading";
import { RunsSection } from "./RunsSection";
import type { Version } from "./types";
import { useAction } from "./useAction";
import { useResource } from "./useResource";
import { folded, foldedWords } from "./versions/folding";
import { GateHistory } from "./versions/GateHistory";
import { OtherHead } from "./versions/OtherHead";
import { ServingCard } from "./versions/ServingCard";
import type { Gate } from "./versions/types";
import { WaitingCard } from "./versions/WaitingCard";

const STATE_TONE: Record<string, string> = {
  CHAMPION: "good",
  CHALLENGER: "info",
  REJECTED: "danger",
};

/** So many rows are shown before somebody asks for all. */
const SHOWN_AT_FIRST = 12;

/** So long a head of another kind usually takes. */
const LOOK_AGAIN_MS = 8000;

/** A version that served before and still has its weights may serve again. */
export function mayServeAgain(version: Version): boolean {
  return version.has_weights && version.promoted_at !== null && version.state === "RETIRED";
}

export function VersionsPage({ slug }: { slug: string }) {
  const base = `staff/projects/${slug}`;
  const versions = useResource<Version[]>(`${base}/versions`);
  const gate = useResource<Gate>(`${base}/gate`);
  const [asked, setAsked] = useState<Version | null>(null);
  const [round, setRound] = useState(0);
  const reload = () => {
    versions.reload();
    gate.reload();
  };

  return (
    <div class="stack">
      <ErrorNote error={gate.error} onRetry={gate.reload} />
      {gate.data && <ServingCard gate={gate.data} slug={slug} />}
      {gate.data?.waiting.map((version) => (
        <WaitingCard key={version.id} base={base} version={version} onDone={reload} />
      ))}
      <section class="card stack">
        <h2>Versions of the classifier</h2>
        <ErrorNote error={versions.error} onRetry={versions.reload} />
        {!versions.data && !versions.error && <Loading />}
        {versions.data?.length === 0 && (
          <p>
            None yet. The first one is trained by itself a few answers after{" "}
            <a href={`/label/${slug}`}>labeling</a> starts.
          </p>
        )}
        <VersionList versions={versions.data ?? []} onRollBack={setAsked} />
      </section>
      {gate.data && <GateHistory comparisons={gate.data.comparisons} />}
      {gate.data?.champion && (
        <OtherHead
          base={base}
          onAsked={() => {
            setRound(round + 1);
            setTimeout(reload, LOOK_AGAIN_MS);
          }}
        />
      )}
      <RunsSection base={base} key={round} />
      <RollBackDialog
        base={base}
        version={asked}
        onDone={() => {
          setAsked(null);
          reload();
        }}
        onClose={() => setAsked(null)}
      />
    </div>
  );
}

interface VersionListProps {
  versions: Version[];
  onRollBack: (version: Version) => void;
}

function VersionList({ versions, onRollBack }: VersionListProps) {
  const [isAll, setAll] = useState(false);
  const rows = folded(versions);
  const shown = isAll ? rows : rows.slice(0, SHOWN_AT_FIRST);
  return (
    <>
      <ol class="version-list">
        {shown.map((row) =>
          "folded" in row ? (
            <Fold key={row.folded[0]?.id} run={row.folded} onRollBack={onRollBack} />
          ) : (
            <VersionItem key={row.version.id} version={row.version} onRollBack={onRollBack} />
          ),
        )}
      </ol>
      {rows.length > shown.length && (
        <p>
          <button type="button" class="link-button" onClick={() => setAll(true)}>
            Show all {versions.length} versions
          </button>
        </p>
      )}
    </>
  );
}

function Fold({ run, onRollBack }: { run: Version[]; onRollBack: (version: Version) => void }) {
  return (
    <li>
      <details class="version-fold">
        <summary>
          {foldedWords(run)} <EvidencePill evidence="PROVISIONAL" />
        </summary>
        <ol class="version-list">
          {run.map((version) => (
            <VersionItem key={version.id} version={version} onRollBack={onRollBack} />
          ))}
        </ol>
      </details>
    </li>
  );
}

interface VersionItemProps {
  version: Version;
  onRollBack: (version: Version) => void;
}

function VersionItem({ version, onRollBack }: VersionItemProps) {
  return (
    <li class="version" data-state={version.state}>
      <div class="version-head">
        <h3>
          v{version.number}
          {version.kind === "FINETUNE" && <span class="soft"> fine-tuned</span>}
        </h3>
        <span class="pill" data-tone={STATE_TONE[version.state]}>
          {VERSION_STATE[version.state] ?? words(version.state)}
        </span>
        <EvidencePill evidence={version.evidence} />
        <span class="soft small version-when">
          {plural(version.n_labels, "label")}, {moment(version.created_at)}
        </span>
      </div>
      <p class="verdict">{version.verdict || "No verdict yet."}</p>
      <div class="version-foot">
        <Evidence version={version} />
        {mayServeAgain(version) && (
          <Button size="s" onClick={() => onRollBack(version)}>
            Roll back to v{version.number}
          </Button>
        )}
      </div>
    </li>
  );
}

function Evidence({ version }: { version: Version }) {
  return (
    <details class="evidence small">
      <summary>
        What this rests on<span class="visually-hidden"> (version {version.number})</span>
      </summary>
      <dl class="facts">
        {facts(version).map((fact) => (
          <div key={fact.what}>
            <dt>{fact.what}</dt>
            <dd>{fact.says}</dd>
          </div>
        ))}
      </dl>
      <details>
        <summary>The raw record</summary>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: long records scroll by keyboard too. */}
        <pre class="raw" tabIndex={0}>
          {JSON.stringify({ gate: version.gate, metrics: version.metrics }, null, 2)}
        </pre>
      </details>
    </details>
  );
}

interface RollBackDialogProps {
  base: string;
  version: Version | null;
  onDone: () => void;
  onClose: () => void;
}

function RollBackDialog({ base, version, onDone, onClose }: RollBackDialogProps) {
  const [reason, setReason] = useState("");
  const { busy, run } = useAction();

  const rollBack = async (event: Event) => {
    event.preventDefault();
    if (!version) return;
    const isDone = await run(
      () => api.post(`${base}/versions/${version.id}/roll-back`, { reason }),
      `Version ${version.number} serves again.`,
    );
    if (isDone) {
      setReason("");
      onDone();
    }
  };

  return (
    <Dialog
      open={version !== null}
      title={`Roll back to version ${version?.number ?? ""}?`}
      onClose={onClose}
    >
      <form class="stack" onSubmit={rollBack}>
        <p>
          Version {version?.number} answers from now on, within seconds and without a restart. The
          present one is marked as rejected; nothing is deleted. The next refit waits until there
          are clearly more labels.
        </p>
        <div class="field">
          <label for="roll-back-reason">Why (kept with the rejected version)</label>
          <input
            id="roll-back-reason"
            class="input"
            maxLength={500}
            placeholder="It calls every orange a tomato"
            value={reason}
            onInput={(event) => setReason(event.currentTarget.value)}
          />
        </div>
        <div class="dialog-actions">
          <Button onClick={onClose}>Keep the present one</Button>
          <Button type="submit" tone="primary" busy={busy}>
            Serve version {version?.number}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
