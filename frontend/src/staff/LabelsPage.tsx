import { useState } from "preact/hooks";
import { api } from "../api/client";
import { Button } from "../shared/Button/Button";
import { Dialog } from "../shared/Dialog/Dialog";
import { ErrorNote } from "../shared/ErrorNote/ErrorNote";
import { plural } from "./format";
import { LabelGroups } from "./LabelGroups";
import { LabelRow } from "./LabelRow";
import { MergeDialog, SplitDialog } from "./LabelSteps";
import { Loading } from "./Loading";
import { NewLabels } from "./NewLabels";
import { Searches } from "./Searches";
import type { ProjectSettings, StaffLabel } from "./types";
import { useAction } from "./useAction";
import { useResource } from "./useResource";

/** From so many labels on, a field finds one. */
const MANY = 12;

export function LabelsPage({ slug }: { slug: string }) {
  const base = `staff/projects/${slug}`;
  const labels = useResource<StaffLabel[]>(`${base}/labels`);
  const settings = useResource<ProjectSettings>(base);
  const [wanted, setWanted] = useState("");
  const [searches, setSearches] = useState(0);
  const [retiring, setRetiring] = useState<StaffLabel | null>(null);
  const [splitting, setSplitting] = useState<StaffLabel | null>(null);
  const [merging, setMerging] = useState(false);
  const all = labels.data ?? [];
  const shown = matching(all, wanted);
  const live = all.filter((label) => label.retired_at === null);
  const nameOf = new Map(all.map((label) => [label.code, label.name]));

  return (
    <div class="stack">
      <NewLabels base={base} labels={live} onChange={labels.reload} />
      <Searches base={base} round={searches} />
      <Guide base={base} />
      <section class="card stack">
        <div class="section-head">
          <h2>Labels</h2>
          {all.length > 0 && (
            <span class="soft small">
              {plural(live.length, "label")}
              {all.length > live.length && `, ${all.length - live.length} no longer used`}
            </span>
          )}
        </div>
        <p class="soft small">
          Rename at any time: answers keep pointing at the label. Retiring takes it off the labeling
          page and keeps its answers. An example picture is what volunteers compare with.
        </p>
        {live.length > 2 && (
          <div>
            <Button size="s" onClick={() => setMerging(true)}>
              Merge labels
            </Button>
          </div>
        )}
        <ErrorNote error={labels.error} onRetry={labels.reload} />
        {!labels.data && !labels.error && <Loading />}
        <AddLabel base={base} onChange={labels.reload} />
        {all.length >= MANY && (
          <input
            class="input"
            type="search"
            aria-label="Find a label"
            placeholder="Find a label"
            value={wanted}
            onInput={(event) => setWanted(event.currentTarget.value)}
          />
        )}
        {all.length > 0 && shown.length === 0 && (
          <p class="empty">No label is called “{wanted}”.</p>
        )}
        <ul class="label-list">
          {shown.map((label) => (
            <LabelRow
              key={label.code}
              base={base}
              label={label}
              became={label.became.map((code) => nameOf.get(code) ?? code)}
              onChange={labels.reload}
              onRetire={setRetiring}
              onSplit={settings.data?.mode === "MULTI" ? undefined : setSplitting}
              onSearch={() => setSearches((round) => round + 1)}
            />
          ))}
        </ul>
      </section>
      {live.length > 1 && settings.data?.mode !== "MULTI" && (
        <LabelGroups base={base} labels={live} onChange={labels.reload} />
      )}
      <MergeDialog
        open={merging}
        base={base}
        labels={live}
        onClose={() => setMerging(false)}
        onDone={() => {
          setMerging(false);
          labels.reload();
        }}
      />
      <SplitDialog
        base={base}
        label={splitting}
        onClose={() => setSplitting(null)}
        onDone={() => {
          setSplitting(null);
          labels.reload();
        }}
      />
      <RetireDialog
        base={base}
        label={retiring}
        onClose={() => setRetiring(null)}
        onDone={() => {
          setRetiring(null);
          labels.reload();
        }}
      />
    </div>
  );
}

/** Labels whose name or code holds what was typed, and what those have become. */
export function matching(labels: readonly StaffLabel[], wanted: string): StaffLabel[] {
  const text = wanted.trim().toLowerCase();
  const fits = (label: StaffLabel) => `${label.name} ${label.code}`.toLowerCase().includes(text);
  const heirs = new Set(labels.filter(fits).flatMap((label) => label.became));
  return labels.filter((label) => fits(label) || heirs.has(label.code));
}

interface RetireDialogProps {
  base: string;
  label: StaffLabel | null;
  onClose: () => void;
  onDone: () => void;
}

function RetireDialog({ base, label, onClose, onDone }: RetireDialogProps) {
  const { busy, run } = useAction();
  const retire = async () => {
    if (!label) return;
    const path = `${base}/labels/${label.code}/retire`;
    if (await run(() => api.post(path), `${label.name} is retired.`)) onDone();
  };
  return (
    <Dialog open={label !== null} title={`Retire “${label?.name}”?`} onClose={onClose}>
      <p>
        Volunteers no longer see it, and the next classifier does not know it. Its answers are kept.
        It cannot be brought back; a new label of the same name starts from nothing.
      </p>
      <div class="dialog-actions">
        <Button onClick={onClose}>Keep it</Button>
        <Button tone="danger" busy={busy} onClick={retire}>
          Retire
        </Button>
      </div>
    </Dialog>
  );
}

function AddLabel({ base, onChange }: { base: string; onChange: () => void }) {
  const [name, setName] = useState("");
  const { busy, run } = useAction();
  const submit = async (event: Event) => {
    event.preventDefault();
    if (await run(() => api.post(`${base}/labels`, { name: name.trim() }), `${name} added.`)) {
      setName("");
      onChange();
    }
  };
  return (
    <form class="add-line" onSubmit={submit}>
      <input
        class="input"
        aria-label="Name of the new label"
        placeholder="New label"
        required
        maxLength={80}
        value={name}
        onInput={(event) => setName(event.currentTarget.value)}
      />
      <Button type="submit" busy={busy}>
        Add
      </Button>
    </form>
  );
}

function Guide({ base }: { base: string }) {
  const { data, error, reload } = useResource<ProjectSettings>(base);
  const [text, setText] = useState<string | null>(null);
  const { busy, run } = useAction();
  const stored = String(data?.guide ?? "");
  const value = text ?? stored;
  const save = async (event: Event) => {
    event.preventDefault();
    if (await run(() => api.patch(base, { guide: value }), "Guide saved.")) reload();
  };
  return (
    <form class="card stack" onSubmit={save}>
      <h2>Guide</h2>
      <ErrorNote error={error} onRetry={reload} />
      <div class="field">
        <label for="guide">What volunteers read before they start, in about three lines</label>
        <textarea
          id="guide"
          class="input guide-text"
          rows={4}
          value={value}
          onInput={(event) => setText(event.currentTarget.value)}
        />
      </div>
      <div>
        <Button type="submit" tone="primary" busy={busy} disabled={!data || value === stored}>
          Save the guide
        </Button>
      </div>
    </form>
  );
}
