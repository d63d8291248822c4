import { useState } from "preact/hooks";
import { api } from "../api/client";
import type { LabelGroup } from "../api/types";
import { Button } from "../shared/Button/Button";
import { Dialog } from "../shared/Dialog/Dialog";
import { ErrorNote } from "../shared/ErrorNote/ErrorNote";
import type { StaffLabel } from "./types";
import { useAction } from "./useAction";
import { useResource } from "./useResource";

export interface LabelGroupsProps {
  base: string;
  labels: readonly StaffLabel[];
  onChange: () => void;
}

/** What volunteers may say where they can tell milk from juice, and not which milk. */
export function LabelGroups({ base, labels, onChange }: LabelGroupsProps) {
  const path = `${base}/label-groups`;
  const { data, error, reload } = useResource<LabelGroup[]>(path);
  const [open, setOpen] = useState<LabelGroup | "new" | null>(null);
  const { busy, run } = useAction();
  const nameOf = (code: string) => labels.find((label) => label.code === code)?.name ?? code;

  const set = async (body: object, said: string) => {
    if (!(await run(() => api.post(path, body), said))) return;
    setOpen(null);
    reload();
    onChange();
  };
  const read = async (file: File | undefined) => {
    if (file) await set({ table: await file.text() }, "Groups read from the table.");
  };
  const takeApart = (group: LabelGroup) =>
    set({ groups: without(group.labels) }, `${group.name} is no group any more.`);

  return (
    <section class="card stack" aria-labelledby="label-groups-title">
      <h2 id="label-groups-title">Groups</h2>
      <p class="soft small">
        Put labels that are easily confused into a group. Whoever cannot tell which one a picture
        shows may then say only the group. The classifier learns from that too, and answers with the
        group where it is not sure of one label.
      </p>
      <ErrorNote error={error} onRetry={reload} />
      <ul class="label-list">
        {(data ?? []).map((group) => (
          <li key={group.code} class="group-row">
            <div>
              <strong>{group.name}</strong>
              <p class="soft small">{group.labels.map(nameOf).join(", ")}</p>
            </div>
            <div class="row">
              <Button
                size="s"
                aria-label={`Change the group ${group.name}`}
                onClick={() => setOpen(group)}
              >
                Change
              </Button>
              <Button
                size="s"
                tone="quiet"
                busy={busy}
                aria-label={`Take apart the group ${group.name}`}
                onClick={() => void takeApart(group)}
              >
                Take apart
              </Button>
            </div>
          </li>
        ))}
      </ul>
      <div class="row">
        <Button size="s" onClick={() => setOpen("new")} disabled={labels.length < 2}>
          New group
        </Button>
        <span>
          <input
            id="group-table"
            class="visually-hidden"
            type="file"
            accept=".csv,text/csv"
            onChange={(event) => void read(event.currentTarget.files?.[0])}
          />
          <label for="group-table" class="button" data-size="s">
            Read a table
          </label>
        </span>
        <span class="soft small">CSV: a label and its group on each line</span>
      </div>
      <Dialog
        open={open !== null}
        title={open === "new" ? "New group" : `Group “${open?.name}”`}
        onClose={() => setOpen(null)}
      >
        {open !== null && (
          <GroupForm
            group={open === "new" ? null : open}
            labels={labels}
            groups={data ?? []}
            busy={busy}
            onClose={() => setOpen(null)}
            onSave={(groups, name) => void set({ groups }, `${name} is a group.`)}
          />
        )}
      </Dialog>
    </section>
  );
}

interface GroupFormProps {
  group: LabelGroup | null;
  labels: readonly StaffLabel[];
  groups: readonly LabelGroup[];
  busy: boolean;
  onClose: () => void;
  onSave: (groups: Record<string, string>, name: string) => void;
}

function GroupForm({ group, labels, groups, busy, onClose, onSave }: GroupFormProps) {
  const [name, setName] = useState(group?.name ?? "");
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set(group?.labels));
  const toggle = (code: string) => {
    const next = new Set(chosen);
    if (!next.delete(code)) next.add(code);
    setChosen(next);
  };
  const elsewhere = (code: string) =>
    groups.find((one) => one.code !== group?.code && one.labels.includes(code))?.name;
  const save = (event: Event) => {
    event.preventDefault();
    onSave(assigned(group, chosen, name.trim()), name.trim());
  };
  return (
    <form class="stack" onSubmit={save}>
      <label class="field">
        Name of the group
        <input
          class="input"
          required
          maxLength={80}
          value={name}
          onInput={(event) => setName(event.currentTarget.value)}
        />
      </label>
      <fieldset class="step-labels">
        <legend>Its labels</legend>
        {labels.map((label) => (
          <label key={label.code} class="row">
            <input
              type="checkbox"
              checked={chosen.has(label.code)}
              onChange={() => toggle(label.code)}
            />
            <span>{label.name}</span>
            {elsewhere(label.code) && (
              <span class="soft small">now in {elsewhere(label.code)}</span>
            )}
          </label>
        ))}
      </fieldset>
      <div class="dialog-actions">
        <Button onClick={onClose}>Leave it</Button>
        <Button type="submit" tone="primary" busy={busy} disabled={chosen.size < 2}>
          Save the group
        </Button>
      </div>
    </form>
  );
}

/** What changes: labels chosen are in the group, those it had and that were not chosen in none. */
export function assigned(
  group: LabelGroup | null,
  chosen: ReadonlySet<string>,
  name: string,
): Record<string, string> {
  const left = (group?.labels ?? []).filter((code) => !chosen.has(code));
  return { ...without(left), ...Object.fromEntries([...chosen].map((code) => [code, name])) };
}

function without(codes: readonly string[]): Record<string, string> {
  return Object.fromEntries(codes.map((code) => [code, ""]));
}
