import { useState } from "preact/hooks";
import { api } from "../../api/client";
import { Button } from "../../shared/Button/Button";
import { Dialog } from "../../shared/Dialog/Dialog";
import { ErrorNote } from "../../shared/ErrorNote/ErrorNote";
import { toast } from "../../shared/Toast/Toast";
import { moment } from "../format";
import { Loading } from "../Loading";
import type { ProjectSettings, StaffLabel } from "../types";
import { useAction } from "../useAction";
import { useResource } from "../useResource";
import type { GoldOfImage, GoldSet } from "./types";

export interface GoldDialogProps {
  slug: string;
  /** The image to set a reference for; null closes. */
  image: { id: string; name: string; label: string | null } | null;
  onClose: () => void;
  onChange: () => void;
}

/** One image as a gold reference: what it shows, and why, for newcomers to read. */
export function GoldDialog({ slug, image, onClose, onChange }: GoldDialogProps) {
  return (
    <Dialog open={image !== null} title="A gold reference" wide onClose={onClose}>
      {image && (
        <Body key={image.id} slug={slug} image={image} onClose={onClose} onChange={onChange} />
      )}
    </Dialog>
  );
}

type BodyProps = GoldDialogProps & { image: NonNullable<GoldDialogProps["image"]> };

function Body({ slug, image, onClose, onChange }: BodyProps) {
  const found = useResource<GoldOfImage>(`projects/${slug}/gold/${image.id}`);
  const labels = useResource<StaffLabel[]>(`staff/projects/${slug}/labels`);
  const project = useResource<ProjectSettings>(`staff/projects/${slug}`);
  if (found.error) return <ErrorNote error={found.error} onRetry={found.reload} />;
  if (labels.error) return <ErrorNote error={labels.error} onRetry={labels.reload} />;
  if (project.error) return <ErrorNote error={project.error} onRetry={project.reload} />;
  if (!found.data || !labels.data || !project.data) return <Loading />;
  const live = labels.data.filter((label) => label.retired_at === null);
  return (
    <div class="gold-body">
      <img class="gold-picture" src={found.data.image.url} alt={image.name} />
      {found.data.may_be_gold ? (
        <Form
          slug={slug}
          image={image}
          found={found.data}
          labels={live}
          isSeveral={project.data.mode === "MULTI"}
          onClose={onClose}
          onChange={onChange}
        />
      ) : (
        <div class="stack">
          <p>{found.data.why_not}</p>
          <div>
            <Button onClick={onClose}>All right</Button>
          </div>
        </div>
      )}
    </div>
  );
}

interface FormProps extends Omit<BodyProps, "key"> {
  found: GoldOfImage;
  labels: StaffLabel[];
  isSeveral: boolean;
}

function Form({ slug, image, found, labels, isSeveral, onClose, onChange }: FormProps) {
  const { reference } = found;
  const [chosen, setChosen] = useState<readonly string[]>(
    reference
      ? [reference.label, ...reference.further].map(({ code }) => code)
      : image.label && !isSeveral
        ? [image.label]
        : [],
  );
  const [note, setNote] = useState(reference?.note ?? "");
  const { busy, run } = useAction();

  const save = async (event: Event) => {
    event.preventDefault();
    const [label, ...further] = chosen;
    const body = { references: [{ image: image.id, label, further, note: note.trim() }] };
    const isSaved = await run(async () => {
      const answer = await api.post<GoldSet>(`projects/${slug}/gold`, body);
      const [one] = answer.results;
      if (one?.status === "refused") toast(one.message ?? "It was refused.", "danger");
      else toast(goldWords(answer.n), "good");
    });
    if (!isSaved) return;
    onChange();
    onClose();
  };
  const withdraw = async () => {
    const path = `projects/${slug}/gold/withdraw`;
    const said = "Withdrawn. What was said of the image stays.";
    if (!(await run(() => api.post(path, { images: [image.id] }), said))) return;
    onChange();
    onClose();
  };

  return (
    <form class="stack" onSubmit={save}>
      <p class="soft small">
        Its label is certain from then on. Now and then somebody is served it like any other image,
        which shows how often they are right; in a first round it is explained.
      </p>
      {isSeveral ? (
        <AllLabels labels={labels} chosen={chosen} onChange={setChosen} />
      ) : (
        <div class="field">
          <label for="gold-label">It shows</label>
          <select
            id="gold-label"
            class="input"
            required
            value={chosen[0] ?? ""}
            onChange={(event) => setChosen([event.currentTarget.value])}
          >
            <option value="" disabled>
              Choose a label
            </option>
            {labels.map((one) => (
              <option key={one.code} value={one.code}>
                {one.name}
              </option>
            ))}
          </select>
        </div>
      )}
      <div class="field">
        <label for="gold-note">How one can tell (newcomers read it after their answer)</label>
        <input
          id="gold-note"
          class="input"
          maxLength={200}
          placeholder="The carton shows a soy bean."
          value={note}
          onInput={(event) => setNote(event.currentTarget.value)}
        />
      </div>
      {reference && (
        <p class="soft small">
          Set by {reference.set_by}, {moment(reference.created_at)}.
        </p>
      )}
      <div class="dialog-actions">
        {reference && (
          <Button tone="danger" busy={busy} onClick={withdraw}>
            Withdraw
          </Button>
        )}
        <Button type="submit" tone="primary" busy={busy} disabled={chosen.length === 0}>
          {reference ? "Save" : "Make it gold"}
        </Button>
      </div>
    </form>
  );
}

interface AllLabelsProps {
  labels: readonly StaffLabel[];
  chosen: readonly string[];
  onChange: (chosen: readonly string[]) => void;
}

/** Every label that the picture shows; what is not ticked it does not show. */
function AllLabels({ labels, chosen, onChange }: AllLabelsProps) {
  const toggle = (code: string) =>
    onChange(chosen.includes(code) ? chosen.filter((one) => one !== code) : [...chosen, code]);
  return (
    <fieldset class="field gold-labels">
      <legend>It shows these, and no other label</legend>
      {labels.map(({ code, name }) => (
        <label key={code}>
          <input type="checkbox" checked={chosen.includes(code)} onChange={() => toggle(code)} />{" "}
          {name}
        </label>
      ))}
    </fieldset>
  );
}

function goldWords(n: number): string {
  return n === 1 ? "That is your first gold image." : `Saved: ${n} gold images now.`;
}
