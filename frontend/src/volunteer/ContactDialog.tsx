import { useState } from "preact/hooks";
import { api } from "../api/client";
import { Button } from "../shared/Button/Button";
import { Dialog } from "../shared/Dialog/Dialog";
import { ErrorNote } from "../shared/ErrorNote/ErrorNote";
import { toast } from "../shared/Toast/Toast";

const LENGTH = 2000;

/** A message to the coordinator; nobody can write back, and the dialog says so. */
export function ContactDialog({
  slug,
  open,
  onClose,
}: {
  slug: string;
  open: boolean;
  onClose: () => void;
}) {
  const [text, setText] = useState("");
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);

  const send = async (event: Event) => {
    event.preventDefault();
    if (text.trim() === "") return;
    setBusy(true);
    setError(null);
    try {
      await api.post(`projects/${slug}/messages`, { text: text.trim() });
      setText("");
      toast("Your message is with the coordinator.", "good");
      onClose();
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  };

  return (
    <Dialog open={open} title="Write to the coordinator" onClose={onClose}>
      <form class="stack" onSubmit={send}>
        <div class="field">
          <label for="message">Your message</label>
          <textarea
            id="message"
            class="input"
            rows={5}
            maxLength={LENGTH}
            value={text}
            aria-describedby="message-hint"
            onInput={(event) => setText(event.currentTarget.value)}
          />
          <p class="hint" id="message-hint">
            They see your display name. Nobody can write to you here, so leave an address if you
            would like an answer.
          </p>
        </div>
        {error !== null && <ErrorNote error={error} />}
        <div class="dialog-actions">
          <Button onClick={onClose}>Not now</Button>
          <Button type="submit" tone="primary" busy={isBusy} disabled={text.trim() === ""}>
            Send
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
