import { useState } from "preact/hooks";
import { api } from "../api/client";
import { Button } from "../shared/Button/Button";
import { ErrorNote } from "../shared/ErrorNote/ErrorNote";
import { plural } from "./format";
import { ImageGrid } from "./ImageGrid";
import type { LabelProposal, LabelProposals, StaffLabel } from "./types";
import { useAction } from "./useAction";
import { useResource } from "./useResource";

/** What nobody was shown stays for the next proposal. */
const MOST_SHOWN = 60;

export interface NewLabelsProps {
  base: string;
  /** Those that images may belong to. */
  labels: readonly StaffLabel[];
  onChange: () => void;
}

/** Pictures that people say fit no label, and that look alike: is a label missing? */
export function NewLabels({ base, labels, onChange }: NewLabelsProps) {
  const { data, error, reload } = useResource<LabelProposals>(`${base}/new-labels`);
  if (error) return <ErrorNote error={error} onRetry={reload} />;
  if (!data) return null;
  const { unmatched, proposals } = data;
  if (proposals.length === 0) return unmatched > 0 ? <NoneAlike count={unmatched} /> : null;
  const done = () => {
    reload();
    onChange();
  };
  return (
    <section class="card stack new-labels" aria-labelledby="new-labels">
      <div class="section-head">
        <h2 id="new-labels">Is a label missing?</h2>
        <span class="soft small">{plural(proposals.length, "group")} to look at</span>
      </div>
      <p class="soft small">
        People say of these pictures that they show none of the labels, and the pictures look alike.
        Whatever you decide counts as your own answer; nobody else’s answer is changed.
      </p>
      <ul class="label-list lines">
        {proposals.map((proposal) => (
          <li key={proposal.id}>
            <Proposal base={base} proposal={proposal} labels={labels} onDone={done} />
          </li>
        ))}
      </ul>
    </section>
  );
}

/** The server proposes a label of five pictures or more. */
function NoneAlike({ count }: { count: number }) {
  return (
    <section class="card stack" aria-labelledby="new-labels">
      <h2 id="new-labels">Is a label missing?</h2>
      <p class="soft small">
        {count === 1 ? "1 picture fits" : `${count.toLocaleString("en")} pictures fit`} no label; no
        five {count < 5 ? "" : "of them "}are alike yet.
      </p>
    </section>
  );
}

interface ProposalProps {
  base: string;
  proposal: LabelProposal;
  labels: readonly StaffLabel[];
  onDone: () => void;
}

function Proposal({ base, proposal, labels, onDone }: ProposalProps) {
  const [out, setOut] = useState<ReadonlySet<string>>(new Set());
  const { busy, run } = useAction();
  const shown = proposal.images.slice(0, MOST_SHOWN);
  const choice = chosen(proposal.images, out);

  const settle = async (verb: string, more: object, said: string) => {
    const path = `${base}/new-labels/${proposal.id}/${verb}`;
    const body = verb === "dismiss" ? all(choice) : choice;
    if (await run(() => api.post(path, { ...body, ...more }), said)) onDone();
  };
  const toggle = (id: string) => {
    const next = new Set(out);
    if (!next.delete(id)) next.add(id);
    setOut(next);
  };

  return (
    <div class="stack">
      <h3>{plural(proposal.images.length, "picture")} that look alike</h3>
      <p class="soft small">
        {proposal.n_groups < proposal.images.length
          ? `Taken at ${plural(proposal.n_groups, "moment")}. `
          : ""}
        {proposal.images.length > shown.length && `The first ${shown.length} are shown. `}
        Take the tick off a picture that shows something else.
      </p>
      <ImageGrid
        images={shown}
        name={(image) => image.original_name || "Image"}
        caption={(image) => (
          <label class="row">
            <input
              type="checkbox"
              checked={!out.has(image.id)}
              aria-label={`${image.original_name || "Image"} belongs to them`}
              onChange={() => toggle(image.id)}
            />
            Belongs
          </label>
        )}
      />
      <div class="new-label-ways">
        <Make
          busy={busy}
          count={choice.images.length}
          onMake={(name) =>
            settle("make", { name }, `${name} is a label now; the classifier learns it.`)
          }
        />
        <Join
          busy={busy}
          count={choice.images.length}
          labels={labels}
          onJoin={(label) => settle("join", { label: label.code }, `They are ${label.name} now.`)}
        />
        <div class="stack">
          <p class="soft small">Nothing that needs a label? They stay without one.</p>
          <div>
            <Button
              busy={busy}
              onClick={() =>
                settle("dismiss", {}, "No label. You are asked again only about new pictures.")
              }
            >
              Not a label
            </Button>
          </div>
        </div>
      </div>
    </div>
  );
}

export interface Choice {
  images: string[];
  left_out: string[];
}

/** What was shown, by whether it was taken along. */
export function chosen(images: readonly { id: string }[], out: ReadonlySet<string>): Choice {
  const ids = images.slice(0, MOST_SHOWN).map((image) => image.id);
  return {
    images: ids.filter((id) => !out.has(id)),
    left_out: ids.filter((id) => out.has(id)),
  };
}

/** To say that it is no label is to say it of every picture shown. */
function all(choice: Choice): Choice {
  return { images: [...choice.images, ...choice.left_out], left_out: [] };
}

interface MakeProps {
  busy: boolean;
  count: number;
  onMake: (name: string) => void;
}

function Make({ busy, count, onMake }: MakeProps) {
  const [name, setName] = useState("");
  const submit = (event: Event) => {
    event.preventDefault();
    onMake(name.trim());
  };
  return (
    <form class="field" onSubmit={submit}>
      <label>
        Something new? Name it
        <input
          class="input"
          required
          maxLength={80}
          placeholder="Rice milk"
          value={name}
          onInput={(event) => setName(event.currentTarget.value)}
        />
      </label>
      <div>
        <Button type="submit" tone="primary" busy={busy} disabled={count === 0}>
          Make this a label
        </Button>
      </div>
    </form>
  );
}

interface JoinProps {
  busy: boolean;
  count: number;
  labels: readonly StaffLabel[];
  onJoin: (label: StaffLabel) => void;
}

function Join({ busy, count, labels, onJoin }: JoinProps) {
  const [code, setCode] = useState("");
  const label = labels.find((one) => one.code === code);
  const submit = (event: Event) => {
    event.preventDefault();
    if (label) onJoin(label);
  };
  return (
    <form class="field" onSubmit={submit}>
      <label>
        Or is there a label already?
        <select
          class="input"
          required
          value={code}
          onChange={(event) => setCode(event.currentTarget.value)}
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
      </label>
      <div>
        <Button type="submit" busy={busy} disabled={count === 0 || !label}>
          They belong to it
        </Button>
      </div>
    </form>
  );
}
