import { useState } from "preact/hooks";
import { api } from "../api/client";
import { Button } from "../shared/Button/Button";
import { listed } from "./format";
import { FindMore } from "./Searches";
import type { StaffLabel } from "./types";
import { useAction } from "./useAction";

export interface LabelRowProps {
  base: string;
  label: StaffLabel;
  /** Names of what a retired label became. */
  became: readonly string[];
  onChange: () => void;
  onRetire: (label: StaffLabel) => void;
  /** Absent where pictures may show several labels: asked again, they would lose the others. */
  onSplit: ((label: StaffLabel) => void) | undefined;
  onSearch: () => void;
}

export function LabelRow(props: LabelRowProps) {
  const { label, became } = props;
  if (label.retired_at === null) return <LiveLabel {...props} />;
  return (
    <li class="label-row" data-retired="true">
      <Example label={label} />
      <p class="label-fields-text">
        <s>{label.name}</s>
      </p>
      <span class="soft small">{fateOf(became)}</span>
    </li>
  );
}

/** Why a label is not on the labeling page any more. */
export function fateOf(became: readonly string[]): string {
  if (became.length === 0) return "retired";
  return became.length === 1 ? `now part of ${became[0]}` : `split into ${listed(became)}`;
}

function LiveLabel({ base, label, onChange, onRetire, onSplit, onSearch }: LabelRowProps) {
  const [name, setName] = useState(label.name);
  const [description, setDescription] = useState(label.description);
  const [key, setKey] = useState(label.key);
  const { busy, run } = useAction();
  const path = `${base}/labels/${label.code}`;
  const isChanged = name !== label.name || description !== label.description || key !== label.key;

  const save = async (event: Event) => {
    event.preventDefault();
    if (await run(() => api.patch(path, { name, description, key }), "Saved.")) onChange();
  };
  const addExample = async (file: File | undefined) => {
    if (!file) return;
    const form = new FormData();
    form.set("file", file);
    if (await run(() => api.post(`${path}/example`, form), "Example stored.")) onChange();
  };

  return (
    <li>
      <form class="label-row" onSubmit={save}>
        <Example label={label} />
        <div class="label-fields">
          <input
            class="input"
            aria-label={`Name of ${label.name}`}
            required
            maxLength={80}
            value={name}
            onInput={(event) => setName(event.currentTarget.value)}
          />
          <input
            class="input"
            aria-label={`What ${label.name} means`}
            placeholder="One line that tells it from its neighbours"
            maxLength={200}
            value={description}
            onInput={(event) => setDescription(event.currentTarget.value)}
          />
          <input
            class="input key-input"
            aria-label={`Key of ${label.name}`}
            placeholder="key"
            maxLength={1}
            pattern="[a-zA-Z0-9]?"
            title="One letter or digit"
            value={key}
            onInput={(event) => setKey(event.currentTarget.value)}
          />
        </div>
        <div class="label-actions">
          <Button
            type="submit"
            size="s"
            tone="primary"
            disabled={!isChanged}
            busy={busy}
            aria-label={`Save ${label.name}`}
          >
            Save
          </Button>
          <span>
            <input
              id={`example-${label.code}`}
              class="visually-hidden"
              type="file"
              accept="image/*"
              onChange={(event) => void addExample(event.currentTarget.files?.[0])}
            />
            <label for={`example-${label.code}`} class="button" data-size="s">
              Example<span class="visually-hidden"> of {label.name}</span>
            </label>
          </span>
          <FindMore base={base} like={{ label: label.code }} name={label.name} onDone={onSearch} />
          {onSplit && (
            <Button
              size="s"
              tone="quiet"
              aria-label={`Split ${label.name}`}
              onClick={() => onSplit(label)}
            >
              Split
            </Button>
          )}
          <Button
            size="s"
            tone="quiet"
            aria-label={`Retire ${label.name}`}
            onClick={() => onRetire(label)}
          >
            Retire
          </Button>
        </div>
      </form>
    </li>
  );
}

function Example({ label }: { label: StaffLabel }) {
  return (
    <div class="label-example">
      {label.example_url ? (
        <img src={label.example_url} alt={`Example of ${label.name}`} loading="lazy" />
      ) : (
        <span class="label-swatch" style={{ background: label.colour }} aria-hidden="true" />
      )}
    </div>
  );
}
