import { useState } from "preact/hooks";
import { api } from "../api/client";
import { Button } from "../shared/Button/Button";
import { ErrorNote } from "../shared/ErrorNote/ErrorNote";
import { useAction } from "./useAction";
import { useResource } from "./useResource";

interface Field {
  name: string;
  label: string;
  hint: string;
  step?: number;
  kind?: "switch";
}

const FIELDS: Field[] = [
  {
    name: "votes_pool",
    label: "Answers a pool image needs",
    hint: "Never more than there are active people.",
    step: 1,
  },
  {
    name: "votes_audit",
    label: "Answers an audit image needs",
    hint: "Accuracy rests on these.",
    step: 1,
  },
  {
    name: "audit_serving_share",
    label: "Share of served images from the audit slice",
    hint: "0.15 is 15 in 100. More makes accuracy known sooner.",
    step: 0.01,
  },
  {
    name: "random_arm_share",
    label: "Share served at random from the pool",
    hint: "Shows what choosing gains, and finds what the classifier cannot see.",
    step: 0.01,
  },
  {
    name: "monthly_budget",
    label: "Training budget a month",
    hint: "A hard stop, in your currency.",
    step: 0.5,
  },
  {
    name: "price_per_device_hour",
    label: "Price of an hour of training",
    hint: "What the machine costs.",
    step: 0.01,
  },
  {
    name: "may_queue_uploads",
    label: "API clients may send pictures to the queue",
    hint: "Off: predictions store nothing of a picture.",
    kind: "switch",
  },
  {
    name: "finetune_enabled",
    label: "Fine-tune by itself when it pays",
    hint: "Within the budget only.",
    kind: "switch",
  },
];

type Settings = Record<string, string | number | boolean | null>;

export function SettingsPage({ slug }: { slug: string }) {
  const path = `staff/projects/${slug}`;
  const { data, error, reload } = useResource<Settings>(path);
  const [changed, setChanged] = useState<Settings>({});
  const { busy, run } = useAction();

  if (error) return <ErrorNote error={error} onRetry={reload} />;
  if (!data) return <p>Loading …</p>;

  const save = async (event: Event) => {
    event.preventDefault();
    if (await run(() => api.patch(path, changed), "Saved.")) {
      setChanged({});
      reload();
    }
  };
  const isPaused = Boolean(data.labeling_paused ?? data.labeling_paused_at);

  return (
    <form class="card stack" onSubmit={save}>
      <h2>Settings</h2>
      {FIELDS.filter((field) => field.name in data).map((field) => (
        <SettingField
          key={field.name}
          field={field}
          value={changed[field.name] ?? data[field.name] ?? ""}
          onChange={(value) => setChanged({ ...changed, [field.name]: value })}
        />
      ))}
      <div class="row">
        <Button
          type="submit"
          tone="primary"
          busy={busy}
          disabled={Object.keys(changed).length === 0}
        >
          Save
        </Button>
        <Button
          busy={busy}
          onClick={() =>
            run(
              () => api.post(`${path}/pause`, { what: "labeling", paused: !isPaused }),
              isPaused ? "Labeling goes on." : "Labeling paused.",
            ).then(reload)
          }
        >
          {isPaused ? "Resume labeling" : "Pause labeling"}
        </Button>
      </div>
    </form>
  );
}

function SettingField({
  field,
  value,
  onChange,
}: {
  field: Field;
  value: string | number | boolean;
  onChange: (value: string | number | boolean) => void;
}) {
  const id = `setting-${field.name}`;
  if (field.kind === "switch") {
    return (
      <div class="switch-field">
        <input
          id={id}
          type="checkbox"
          checked={value === true}
          aria-describedby={`${id}-hint`}
          onChange={(event) => onChange(event.currentTarget.checked)}
        />
        <div>
          <label for={id}>{field.label}</label>
          <p id={`${id}-hint`} class="soft small">
            {field.hint}
          </p>
        </div>
      </div>
    );
  }
  return (
    <div class="field">
      <label for={id}>{field.label}</label>
      <input
        id={id}
        class="input short"
        type="number"
        min={0}
        step={field.step}
        value={String(value)}
        aria-describedby={`${id}-hint`}
        onInput={(event) => onChange(event.currentTarget.valueAsNumber)}
      />
      <span id={`${id}-hint`} class="hint">
        {field.hint}
      </span>
    </div>
  );
}
