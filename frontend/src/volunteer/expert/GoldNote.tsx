import { useState } from "preact/hooks";
import { Button } from "../../shared/Button/Button";
import { Dialog } from "../../shared/Dialog/Dialog";
import type { Decision } from "./tasks";

export interface GoldNoteProps {
  open: boolean;
  /** The decision to keep, and its label by name. */
  last: Decision | null;
  name: string;
  onKeep: (note: string) => void;
  onClose: () => void;
}

/** The last decision as a gold reference, with a word for newcomers. */
export function GoldNote({ open, last, name, onKeep, onClose }: GoldNoteProps) {
  return (
    <Dialog open={open} title="A gold reference" onClose={onClose}>
      {open && last && (
        <Form key={last.image.id} last={last} name={name} onKeep={onKeep} onClose={onClose} />
      )}
    </Dialog>
  );
}

type FormProps = Omit<GoldNoteProps, "open" | "last"> & { last: Decision };

function Form({ last, name, onKeep, onClose }: FormProps) {
  const [note, setNote] = useState(last.note);
  const keep = (event: Event) => {
    event.preventDefault();
    onKeep(note);
    onClose();
  };
  return (
    <form class="stack" onSubmit={keep}>
      <div class="previous">
        <img class="previous-image" src={last.image.thumb_url} alt="" />
        <p class="previous-text">
          <strong>{name}</strong>: certain from now on. It is served like any other image and shows
          how often people are right; in a first round it is explained.
        </p>
      </div>
      <div class="field">
        <label for="gold-note">How one can tell (newcomers read it after their answer)</label>
        <input
          id="gold-note"
          class="input"
          maxLength={200}
          value={note}
          // biome-ignore lint/a11y/noAutofocus: the only thing to fill in of a dialog just opened.
          autoFocus
          onInput={(event) => setNote(event.currentTarget.value)}
        />
      </div>
      <div class="dialog-actions">
        <Button onClick={onClose}>Not now</Button>
        <Button type="submit" tone="primary">
          {last.isGold ? "Save" : "Keep as gold"}
        </Button>
      </div>
    </form>
  );
}
