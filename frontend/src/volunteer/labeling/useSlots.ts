import { useCallback, useRef, useState } from "preact/hooks";
import { NO_SLOTS, passedOn, type Slots, use } from "./keys";
import { recall, remember } from "./memory";

function isCodes(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((code) => typeof code === "string");
}

function isSlots(value: unknown): value is Slots {
  if (value === null || typeof value !== "object") return false;
  const { places, byUse, waiting } = value as Partial<Slots>;
  return isCodes(places) && isCodes(byUse) && isCodes(waiting);
}

/**
 * The labels this browser used lately; those of labels that are gone are left out. `used` tells
 * which digit went to which label by it, if one did.
 */
export function useSlots(slug: string, codes: readonly string[]) {
  const [slots, setSlots] = useState<Slots>(() => {
    const kept = recall(`slots:${slug}`, isSlots) ?? NO_SLOTS;
    const isKnown = (code: string) => codes.includes(code);
    return {
      places: kept.places.filter(isKnown),
      byUse: kept.byUse.filter(isKnown),
      waiting: kept.waiting.filter(isKnown),
    };
  });
  const latest = useRef(slots);
  const used = useCallback(
    (code: string) => {
      const before = latest.current;
      const after = use(before, code);
      latest.current = after;
      setSlots(after);
      remember(`slots:${slug}`, after);
      return passedOn(before, after);
    },
    [slug],
  );
  return { slots, used };
}
