import { useState } from "preact/hooks";
import { api } from "../api/client";
import { Button } from "../shared/Button/Button";
import { Dialog } from "../shared/Dialog/Dialog";
import { ErrorNote } from "../shared/ErrorNote/ErrorNote";
import { plural } from "./format";
import { Loading } from "./Loading";
import type { LabelUse, StaffLabel } from "./types";
import { useAction } from "./useAction";
import { useResource } from "./useResource";

interface StepProps {
  base: string;
  onClose: () => void;
  onDone: () => void;
}

export interface MergeDialogProps extends StepProps {
  open: boolean;
  labels: readonly StaffLabel[];
}

/** Choose labels that are to be one; says in numbers what will happen before it does. */
export function MergeDialog({ open, ...rest }: MergeDialogProps) {
  return (
    <Dialog open={open} title="Merge labels into one" onClose={rest.onClose}>
      <Merge {...rest} />
    </Dialog>
  );
}

function Merge({ base, labels, onClose, onDone }: Omit<MergeDialogProps, "open">) {
  const { data, error, reload } = useResource<LabelUse[]>(`${base}/label-use`);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [typed, setTyped] = useState<string | null>(null);
  const { busy, run } = useAction();
  if (error) return <ErrorNote error={error} onRetry={reload} />;
  if (!data) return <Loading />;
  const used = data.filter((one) => chosen.has(one.code));
  const name = typed ?? suggested(used, labels);

  const toggle = (code: string) => {
    const next = new Set(chosen);
    if (!next.delete(code)) next.add(code);
    setChosen(next);
  };
  const merge = async (event: Event) => {
    event.preventDefault();
    const body = { labels: used.map((one) => one.code), name: name.trim() };
    const said = `They are ${name.trim()} now; the classifier learns it.`;
    if (await run(() => api.post(`${base}/label-steps/merge`, body), said)) onDone();
  };

  return (
    <form class="stack" onSubmit={merge}>
      <fieldset class="step-labels">
        <legend>Which labels belong together?</legend>
        {labels.map((label) => (
          <label key={label.code} class="row">
            <input
              type="checkbox"
              checked={chosen.has(label.code)}
              onChange={() => toggle(label.code)}
            />
            <span>{label.name}</span>
            <span class="soft small">{plural(useOf(data, label.code).images, "picture")}</span>
          </label>
        ))}
      </fieldset>
      <label class="field">
        Name of the one label
        <input
          class="input"
          required
          maxLength={80}
          value={name}
          onInput={(event) => setTyped(event.currentTarget.value)}
        />
      </label>
      <p aria-live="polite">{afterMerge(used, name.trim())}</p>
      <div class="dialog-actions">
        <Button onClick={onClose}>Leave them apart</Button>
        <Button type="submit" tone="primary" busy={busy} disabled={used.length < 2}>
          Merge
        </Button>
      </div>
    </form>
  );
}

export interface SplitDialogProps extends StepProps {
  label: StaffLabel | null;
}

/** Name the labels that take the place of one. */
export function SplitDialog({ label, ...rest }: SplitDialogProps) {
  return (
    <Dialog open={label !== null} title={`Split “${label?.name}”`} onClose={rest.onClose}>
      {label && <Split label={label} {...rest} />}
    </Dialog>
  );
}

function Split({ base, label, onClose, onDone }: StepProps & { label: StaffLabel }) {
  const { data, error, reload } = useResource<LabelUse[]>(`${base}/label-use`);
  const [text, setText] = useState("");
  const { busy, run } = useAction();
  if (error) return <ErrorNote error={error} onRetry={reload} />;
  if (!data) return <Loading />;
  const names = lines(text);

  const split = async (event: Event) => {
    event.preventDefault();
    const path = `${base}/labels/${label.code}/split`;
    const said = `${label.name} is split; its pictures are asked about again.`;
    if (await run(() => api.post(path, { names }), said)) onDone();
  };

  return (
    <form class="stack" onSubmit={split}>
      <label class="field">
        The new labels, one a line
        <textarea
          class="input"
          rows={4}
          required
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
      </label>
      <p aria-live="polite">{afterSplit(useOf(data, label.code), label.name, names.length)}</p>
      <div class="dialog-actions">
        <Button onClick={onClose}>Leave it whole</Button>
        <Button type="submit" tone="primary" busy={busy} disabled={names.length < 2}>
          Split
        </Button>
      </div>
    </form>
  );
}

/** Names typed one a line, each once. */
export function lines(text: string): string[] {
  const names = text.split("\n").map((line) => line.trim().replace(/\s+/g, " "));
  return [...new Set(names.filter((name) => name !== ""))];
}

/** What a merge will do, before it does it. */
export function afterMerge(used: readonly LabelUse[], name: string): string {
  if (used.length < 2) return "Choose two labels or more.";
  const images = total(used, "images");
  const audit = total(used, "audit_images");
  const kept = audit > 0 ? `, ${plural(audit, "audit image")} among them,` : "";
  return (
    `${plural(images, "picture")}${kept} will be “${name}”. ${stay(total(used, "answers"))} ` +
    "nobody is asked again. It cannot be taken back: to tell them apart later is to ask again."
  );
}

function stay(answers: number): string {
  if (answers === 0) return "Nobody has answered with them yet;";
  return answers === 1
    ? "The one answer stays as it was given and counts for it;"
    : `All ${plural(answers, "answer")} stay as they were given and count for it;`;
}

/** What a split will do. */
export function afterSplit(use: LabelUse, name: string, parts: number): string {
  if (parts < 2) return "Name two labels or more.";
  const pool = use.images - use.audit_images;
  const gold =
    use.gold > 0 ? ` ${plural(use.gold, "gold picture")} of it will no longer check anybody.` : "";
  return (
    `${plural(pool, "picture")} will be asked about again, and ` +
    `${plural(use.audit_images, "audit image")}: “${name}” does not say which of ` +
    `the ${parts} it is. Until somebody answers, the classifier takes them for all ${parts} ` +
    `alike, and accuracy rests on the other pictures. The answers given so far ` +
    `(${use.answers.toLocaleString("en")}) are kept as they were.${gold}`
  );
}

/** The chosen label that most pictures have: its name is the likeliest one for all. */
function suggested(used: readonly LabelUse[], labels: readonly StaffLabel[]): string {
  const most = [...used].sort((one, other) => other.images - one.images)[0];
  return labels.find((label) => label.code === most?.code)?.name ?? "";
}

function useOf(uses: readonly LabelUse[], code: string): LabelUse {
  const found = uses.find((one) => one.code === code);
  return found ?? { code, images: 0, audit_images: 0, answers: 0, gold: 0 };
}

function total(used: readonly LabelUse[], key: "images" | "audit_images" | "answers"): number {
  return used.reduce((sum, one) => sum + one[key], 0);
}
