import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";

/** So long all thumbnails were on the screen before a key may speak for them. */
const LOOK_MS = 1000;
/** A tap sooner than this was meant for the page below. */
const STRAY_TAP_MS = 400;

export interface Guard {
  /** Something inside the dialog. */
  content: RefObject<HTMLDivElement | null>;
  /** A thumbnail is on the screen. */
  onShown: (id: string, event: Event) => void;
  /** False for a press of the confirming button that nobody can have meant. */
  isMeant: (event: MouseEvent) => boolean;
}

export interface GuardOptions {
  /** Of all the thumbnails; none while the dialog is closed. */
  ids: readonly string[];
  /** The button's own key was pressed by somebody who has seen what it confirms. */
  onKey: () => void;
  /** On the same scale as `event.timeStamp`. */
  clock: () => number;
}

/**
 * Keeps a dialog that opens by itself from taking what was meant for the page below: keys typed on,
 * and taps. Focus goes to its heading, which no key presses and a screen reader reads out.
 */
export function useGuard({ ids, onKey, clock }: GuardOptions): Guard {
  const content = useRef<HTMLDivElement>(null);
  const opened = useRef(Number.POSITIVE_INFINITY);
  const shown = useRef(new Map<string, number>());
  const hasTabbed = useRef(false);
  const isOpen = ids.length > 0;

  const isSeen = (at: number) =>
    ids.every((id) => {
      const since = shown.current.get(id);
      return since !== undefined && at - Math.max(since, opened.current) >= LOOK_MS;
    });

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Tab") hasTabbed.current = true;
    const isPress = event.key === "Enter" || event.key === " ";
    if (isPress && event.repeat) event.preventDefault();
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    if (!event.repeat && isSeen(event.timeStamp)) onKey();
  };
  const onPointer = (event: MouseEvent) => {
    // A click without a count comes from a key, or from an aid that presses for somebody.
    if (event.detail === 0) return;
    hasTabbed.current = false;
    if (event.timeStamp - opened.current >= STRAY_TAP_MS) return;
    event.preventDefault();
    event.stopPropagation();
  };
  const latest = useRef({ onKeyDown, onPointer });
  latest.current = { onKeyDown, onPointer };

  // biome-ignore lint/correctness/useExhaustiveDependencies: the clock is read at the opening.
  useEffect(() => {
    if (!isOpen) return;
    opened.current = clock();
    const heading = content.current?.closest("dialog")?.querySelector("h2");
    heading?.setAttribute("tabindex", "-1");
    heading?.focus();

    const key = (event: KeyboardEvent) => latest.current.onKeyDown(event);
    const pointer = (event: MouseEvent) => latest.current.onPointer(event);
    document.addEventListener("keydown", key, true);
    document.addEventListener("mousedown", pointer, true);
    document.addEventListener("click", pointer, true);
    return () => {
      document.removeEventListener("keydown", key, true);
      document.removeEventListener("mousedown", pointer, true);
      document.removeEventListener("click", pointer, true);
    };
  }, [isOpen]);

  return {
    content,
    onShown: (id, event) => shown.current.set(id, event.timeStamp),
    isMeant: (event) => event.detail > 0 || hasTabbed.current || isSeen(event.timeStamp),
  };
}
