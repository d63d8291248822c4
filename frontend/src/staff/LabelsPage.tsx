import { useState } from "preact/hooks";
import { api } from "../api/client";
import { Button } from "../shared/Button/Button";
import { ErrorNote } from "../shared/ErrorNote/ErrorNote";
import type { StaffLabel } from "./types";
import { useAction } from "./useAction";
import { useResource } from "./useResource";

export function LabelsPage({ slug }: { slug: string }) {
  const base = `staff/projects/${slug}`;
  const labels = useResource<StaffLabel[]>(`${base}/labels`);
  return (
    <div class="stack">
      <Guide base={base} />
      <section class="card stack">
        <h2>Labels</h2>
        <ErrorNote error={labels.error} onRetry={labels.reload} />
        <p class="soft small">
          A label can be renamed at any time; answers keep pointing at it. Retiring takes it off the
          labeling page and keeps its answers.
        </p>
        <ul class="label-list">
          {(labels.data ?? []).map((label) => (
            <LabelRow key={label.code} base={base} label={label} onChange={labels.reload} />
          ))}
        </ul>
        <AddLabel base={base} onChange={labels.reload} />
      </section>
    </div>
  );
}

function LabelRow({
  base,
  label,
  onChange,
}: {
  base: string;
  label: StaffLabel;
  onChange: () => void;
}) {
  const [name, setName] = useState(label.name);
  const [description, setDescription] = useState(label.description);
  const { busy, run } = useAction();
  const path = `${base}/labels/${label.code}`;
  const isChanged = name !== label.name || description !== label.description;
  const isRetired = Boolean(label.retired_at);

  const save = () =>
    run(() => api.patch(path, { name, description }), "Saved.").then((ok) => ok && onChange());
  const addExample = (file: File | undefined) => {
    if (!file) return;
    const form = new FormData();
    form.set("file", file);
    void run(() => api.post(`${path}/example`, form), "Example stored.").then(onChange);
  };

  return (
    <li class="label-row" data-retired={isRetired}>
      <div class="label-example">
        {label.example_url ? (
          <img src={label.example_url} alt="" />
        ) : (
          <span aria-hidden="true">–</span>
        )}
      </div>
      <div class="label-fields">
        <input
          class="input"
          aria-label={`Name of ${label.code}`}
          value={name}
          disabled={isRetired}
          onInput={(event) => setName(event.currentTarget.value)}
        />
        <input
          class="input"
          aria-label={`What ${label.code} means`}
          placeholder="One line that tells it from its neighbours"
          value={description}
          disabled={isRetired}
          onInput={(event) => setDescription(event.currentTarget.value)}
        />
      </div>
      <div class="row">
        {isRetired ? (
          <span class="pill">retired</span>
        ) : (
          <>
            <Button size="s" tone="primary" disabled={!isChanged} busy={busy} onClick={save}>
              Save
            </Button>
            <label class="button" data-size="s">
              Example
              <input
                class="visually-hidden"
                type="file"
                accept="image/*"
                onChange={(event) => addExample(event.currentTarget.files?.[0])}
              />
            </label>
            <Button
              size="s"
              tone="quiet"
              busy={busy}
              onClick={() => run(() => api.post(`${path}/retire`), "Retired.").then(onChange)}
            >
              Retire
            </Button>
          </>
        )}
      </div>
    </li>
  );
}

function AddLabel({ base, onChange }: { base: string; onChange: () => void }) {
  const [name, setName] = useState("");
  const { busy, run } = useAction();
  const submit = async (event: Event) => {
    event.preventDefault();
    if (await run(() => api.post(`${base}/labels`, { name }), `${name} added.`)) {
      setName("");
      onChange();
    }
  };
  return (
    <form class="row" onSubmit={submit}>
      <input
        class="input grow"
        aria-label="Name of the new label"
        placeholder="New label"
        required
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
  const { data, error } = useResource<{ guide: string }>(base);
  const [text, setText] = useState<string | null>(null);
  const { busy, run } = useAction();
  const value = text ?? data?.guide ?? "";
  return (
    <section class="card stack">
      <h2>Guide</h2>
      <ErrorNote error={error} />
      <div class="field">
        <label for="guide">What volunteers read, in about three lines</label>
        <textarea
          id="guide"
          class="input"
          rows={3}
          value={value}
          onInput={(event) => setText(event.currentTarget.value)}
        />
      </div>
      <div>
        <Button
          tone="primary"
          busy={busy}
          disabled={text === null || text === data?.guide}
          onClick={() => run(() => api.patch(base, { guide: value }), "Guide saved.")}
        >
          Save the guide
        </Button>
      </div>
    </section>
  );
}
