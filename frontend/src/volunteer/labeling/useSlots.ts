import { useCallback, useState } from "preact/hooks";
import { NO_SLOTS, type Slots, use } from "./keys";
import { recall, remember } from "./memory";

function isCodes(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((code) => typeof code === "string");
}

function isSlots(value: unknown): value is Slots {
  if (value === null || typeof value !== "object") return false;
  const { places, byUse } = value as Partial<Slots>;
  return isCodes(places) && isCodes(byUse);
}

/** The labels this browser used lately; those of labels that are gone are left out. */
export function useSlots(slug: string, codes: readonly string[]) {
  const [slots, setSlots] = useState<Slots>(() => {
    const kept = recall(`slots:${slug}`, isSlots) ?? NO_SLOTS;
    const isKnown = (code: string) => codes.includes(code);
    return { places: kept.places.filter(isKnown), byUse: kept.byUse.filter(isKnown) };
  });
  const used = useCallback(
    (code: string) =>
      setSlots((before) => {
        const after = use(before, code);
        remember(`slots:${slug}`, after);
        return after;
      }),
    [slug],
  );
  return { slots, used };
}
