import { useEffect, useState } from "preact/hooks";
import { api } from "../api/client";
import { Button } from "../shared/Button/Button";
import { ErrorNote } from "../shared/ErrorNote/ErrorNote";
import { Loading } from "./Loading";
import { useSession } from "./session";
import { type Field, type FieldKind, GROUPS, groupId, sent, shown } from "./settings";
import type { ProjectSettings } from "./types";
import { useAction } from "./useAction";
import { useResource } from "./useResource";

type Typed = Record<string, string | boolean>;

export function SettingsPage({ slug }: { slug: string }) {
  const path = `staff/projects/${slug}`;
  const { data, error, reload } = useResource<ProjectSettings>(path);
  if (error) return <ErrorNote error={error} onRetry={reload} />;
  if (!data) return <Loading />;
  return (
    <div class="stack">
      <Pauses path={path} data={data} onChange={reload} />
      <Contents />
      <Form path={path} data={data} onSaved={reload} />
    </div>
  );
}

interface PausesProps {
  path: string;
  data: ProjectSettings;
  onChange: () => void;
}

function Pauses({ path, data, onChange }: PausesProps) {
  const { busy, run } = useAction();
  const isPaused = data.labeling_paused === true;
  const pause = async () => {
    const body = { what: "labeling", paused: !isPaused };
    const done = isPaused ? "Labeling goes on." : "Labeling is paused.";
    if (await run(() => api.post(`${path}/pause`, body), done)) onChange();
  };
  return (
    <section class="card line">
      <span>
        <strong>{isPaused ? "Labeling is paused" : "Labeling is open"}</strong>
        <span class="soft small">
          {isPaused
            ? "Nobody gets images. Answers already under way are taken."
            : "Pausing lets answers under way arrive, and hands out no new images."}
        </span>
      </span>
      <Button tone={isPaused ? "primary" : "plain"} busy={busy} onClick={pause}>
        {isPaused ? "Let it go on" : "Pause labeling"}
      </Button>
    </section>
  );
}

/** Every heading a click away; on a phone the page has such a list already. */
function Contents() {
  return (
    <nav class="settings-contents small" aria-label="Settings on this page">
      <ul>
        {GROUPS.map(({ title }) => (
          <li key={title}>
            <a href={`#${groupId(title)}`} onClick={(event) => goTo(event, groupId(title))}>
              {title}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

function goTo(event: Event, id: string) {
  event.preventDefault();
  history.replaceState(history.state, "", `#${id}`);
  show(id);
}

/** Bring what an address names into sight: a heading, or the field of one setting. */
function show(id: string) {
  const found = document.getElementById(id);
  found?.scrollIntoView({ block: id.startsWith("setting-") ? "center" : "start" });
  found?.focus({ preventScroll: true });
}

interface FormProps {
  path: string;
  data: ProjectSettings;
  onSaved: () => void;
}

function Form({ path, data, onSaved }: FormProps) {
  const [typed, setTyped] = useState<Typed>({});
  const { busy, run } = useAction();
  const session = useSession();
  // The fields come after the page: what the address names is looked for once they are there.
  useEffect(() => show(decodeURIComponent(location.hash.slice(1))), []);

  const save = async (event: Event) => {
    event.preventDefault();
    const body: Record<string, unknown> = {};
    for (const field of GROUPS.flatMap((group) => group.fields)) {
      const value = typed[field.name];
      if (value !== undefined) body[field.name] = sent(field, value);
    }
    if (!(await run(() => api.patch(path, body), "Saved."))) return;
    setTyped({});
    onSaved();
    if ("name" in body) session.reload();
  };

  return (
    <form class="card stack settings" onSubmit={save}>
      {GROUPS.map((group) => (
        <fieldset key={group.title} class="settings-group">
          <legend>
            <h2 id={groupId(group.title)} tabIndex={-1}>
              {group.title}
            </h2>
          </legend>
          {group.fields
            .filter((field) => field.name in data)
            .map((field) => (
              <SettingField
                key={field.name}
                field={field}
                value={typed[field.name] ?? shown(field.kind, data[field.name])}
                onChange={(value) => setTyped({ ...typed, [field.name]: value })}
              />
            ))}
        </fieldset>
      ))}
      <div class="row save-bar">
        <Button type="submit" tone="primary" busy={busy} disabled={Object.keys(typed).length === 0}>
          Save
        </Button>
        {Object.keys(typed).length > 0 && (
          <Button tone="quiet" onClick={() => setTyped({})}>
            Leave as it was
          </Button>
        )}
      </div>
    </form>
  );
}

interface SettingFieldProps {
  field: Field;
  value: string | number | boolean;
  onChange: (value: string | boolean) => void;
}

function SettingField({ field, value, onChange }: SettingFieldProps) {
  const id = `setting-${field.name}`;
  const hint = (
    <span id={`${id}-hint`} class="hint">
      {field.hint}
    </span>
  );
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
        <div class="field">
          <label for={id}>{field.label}</label>
          {hint}
        </div>
      </div>
    );
  }
  return (
    <div class="field">
      <label for={id}>{field.label}</label>
      <Input
        id={id}
        kind={field.kind}
        choices={field.choices}
        isOptional={field.isOptional ?? false}
        value={String(value)}
        onChange={onChange}
      />
      {hint}
    </div>
  );
}

const STEP: Partial<Record<FieldKind, string>> = { count: "1", share: "0.1", money: "0.01" };

interface InputProps {
  id: string;
  kind: FieldKind;
  choices?: Field["choices"];
  isOptional?: boolean;
  value: string;
  onChange: (value: string) => void;
}

function Input({ id, kind, choices = [], isOptional = false, value, onChange }: InputProps) {
  const common = { id, value, "aria-describedby": `${id}-hint` };
  if (kind === "choice") {
    return (
      <select {...common} class="input" onChange={(event) => onChange(event.currentTarget.value)}>
        {choices.map(([code, words]) => (
          <option key={code} value={code}>
            {words}
          </option>
        ))}
      </select>
    );
  }
  if (kind === "long") {
    return (
      <textarea
        {...common}
        class="input"
        rows={3}
        onInput={(event) => onChange(event.currentTarget.value)}
      />
    );
  }
  if (kind === "text") {
    return (
      <input
        {...common}
        class="input"
        required
        onInput={(event) => onChange(event.currentTarget.value)}
      />
    );
  }
  return (
    <span class="unit">
      <input
        {...common}
        class="input short"
        type="number"
        required={!isOptional}
        min={0}
        max={kind === "share" ? 100 : undefined}
        step={STEP[kind]}
        onInput={(event) => onChange(event.currentTarget.value)}
      />
      {kind === "share" && <span class="soft">%</span>}
    </span>
  );
}
