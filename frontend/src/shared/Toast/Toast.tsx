import { signal } from "@preact/signals";
import "./Toast.css";

type Tone = "plain" | "good" | "danger";

interface Toast {
  id: number;
  text: string;
  tone: Tone;
  topic: string;
}

const SHOWN_MS = 6000;
const toasts = signal<readonly Toast[]>([]);
let lastId = 0;

function dismiss(id: number): void {
  toasts.value = toasts.value.filter((toast) => toast.id !== id);
}

/**
 * Say something short that needs no answer; it goes away by itself.
 *
 * @param topic what it is about: of one topic only the newest word stays.
 */
export function toast(text: string, tone: Tone = "plain", topic: string = text): void {
  const id = ++lastId;
  const others = toasts.value.filter((other) => other.topic !== topic);
  toasts.value = [...others, { id, text, tone, topic }];
  setTimeout(() => dismiss(id), SHOWN_MS);
}

/** How many modal dialogs are open: what lies behind one is dimmed, and silent to screen readers. */
export const openDialogs = signal(0);

/** Where toasts appear: once in each app, near its root, and in each open dialog instead. */
export function Toasts({ inDialog = false }: { inDialog?: boolean }) {
  const shown = inDialog || openDialogs.value === 0 ? toasts.value : [];
  return (
    <div class="toasts" role="status" aria-live="polite">
      {shown.map((item) => (
        <div class="toast" key={item.id} data-tone={item.tone}>
          <span>{item.text}</span>
          <button type="button" class="toast-close" onClick={() => dismiss(item.id)}>
            Close
          </button>
        </div>
      ))}
    </div>
  );
}
