import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { type Desk, pressKey, type Registry } from "./actions";
import { keyOf } from "./keys";

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    target.closest("input, textarea, select, [contenteditable]") !== null
  );
}

/** Space and Enter press a focused button or link; they are not shortcuts then. */
function isPressing(event: KeyboardEvent): boolean {
  const isPress = event.key === "Enter" || event.key === " ";
  return (
    isPress && event.target instanceof HTMLElement && event.target.closest("button, a") !== null
  );
}

/** The only listener for keys: everything a key means is in the registry. */
export function useKeys(
  registry: Registry,
  desk: Desk,
  isDialogOpen: boolean,
  searchBox: RefObject<HTMLInputElement | null>,
): void {
  const latest = useRef({ registry, desk, isDialogOpen });
  latest.current = { registry, desk, isDialogOpen };

  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      const now = latest.current;
      // A held key repeats; one press is one answer.
      if (now.isDialogOpen || event.defaultPrevented || isTyping(event.target)) return;
      if (isPressing(event)) {
        if (event.repeat) event.preventDefault();
        return;
      }
      const key = keyOf(event);
      if (now.registry.byKey.has(key)) {
        event.preventDefault();
        if (!event.repeat) pressKey(now.registry, now.desk, key);
      } else if (now.registry.isSearching && /^\p{L}$/u.test(key)) {
        // The letter itself arrives in the box, which has the focus by then.
        searchBox.current?.focus();
      }
    };
    document.addEventListener("keydown", onKeyDown);
    return () => document.removeEventListener("keydown", onKeyDown);
  }, [searchBox]);
}
