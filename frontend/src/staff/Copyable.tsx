import { Button } from "../shared/Button/Button";
import { toast } from "../shared/Toast/Toast";

/** A text to take along, with a button that copies it. */
export function Copyable({ text, name }: { text: string; name: string }) {
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      toast("Copied.", "good");
    } catch {
      // A page over plain HTTP may not write to the clipboard.
      toast("This browser does not let pages copy. Please select it by hand.", "danger");
    }
  };
  return (
    <div class="copyable">
      <code class="link-text">{text}</code>
      <Button size="s" aria-label={`Copy ${name}`} onClick={copy}>
        Copy
      </Button>
    </div>
  );
}
