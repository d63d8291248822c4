import type { Label, LabelGroup } from "../../api/types";

/** Labels get digits first, then letters, in the order of the scheme. */
const AUTOMATIC = [..."1234567890abcdefghijklmnopqrstuvwxyz"];
const DIGITS = [..."1234567890"];

/** "a", "Shift+S", "Ctrl+z", "?": how a key press is written in the registry of commands. */
export function keyOf(event: KeyboardEvent): string {
  if (event.altKey) return "";
  const isLetter = /^[a-z]$/i.test(event.key);
  const key = isLetter ? event.key.toLowerCase() : event.key;
  if (event.ctrlKey || event.metaKey) return `Ctrl+${key}`;
  // Caps lock alone changes nothing; only a held Shift does.
  return isLetter && event.shiftKey ? `Shift+${key.toUpperCase()}` : key;
}

/** For people: "⇧S", "Ctrl Z", "?". */
export function keyName(key: string): string {
  return key
    .replace("Shift+", "⇧")
    .replace(/^Ctrl\+(.)$/, (_whole, letter: string) => `Ctrl ${letter.toUpperCase()}`)
    .replace(/^[a-z]$/, (letter) => letter.toUpperCase());
}

/** True if there are more labels than keys: then letters search, and digits pick recent labels. */
export function needsSearch(labels: readonly Label[], reserved: ReadonlySet<string>): boolean {
  return labels.length > AUTOMATIC.filter((key) => !reserved.has(key)).length;
}

/**
 * One key a label: its own where the coordinator set one (first come, never a command's key), else
 * the next free one.
 */
export function keysForLabels(
  labels: readonly Label[],
  reserved: ReadonlySet<string>,
): Map<string, string> {
  const keys = new Map<string, string>();
  const taken = new Set(reserved);
  for (const label of labels) {
    const own = label.key.toLowerCase();
    if (own && !taken.has(own)) {
      keys.set(label.code, own);
      taken.add(own);
    }
  }
  const free = AUTOMATIC.filter((key) => !taken.has(key));
  for (const label of labels) {
    if (keys.has(label.code)) continue;
    const next = free.shift();
    if (next) keys.set(label.code, next);
  }
  return keys;
}

/**
 * A letter for each group, of those that labels and commands leave: the first of its name, else from
 * the end of the alphabet, so that a label more takes no group's key.
 */
export function keysForGroups(
  groups: readonly LabelGroup[],
  taken: ReadonlySet<string>,
): Map<string, string> {
  const free = AUTOMATIC.filter((key) => !DIGITS.includes(key) && !taken.has(key));
  const keys = new Map<string, string>();
  for (const group of groups) {
    const first = free.indexOf(group.name.charAt(0).toLowerCase());
    const [key] = free.splice(first === -1 ? free.length - 1 : first, 1);
    if (key) keys.set(group.code, key);
  }
  return keys;
}

/** Digits for the ten labels in the slots. */
export function keysForSlots(slots: readonly string[]): Map<string, string> {
  return new Map(slots.slice(0, DIGITS.length).map((code, place) => [code, DIGITS[place] ?? ""]));
}

export interface Slots {
  /** Codes by place: a label keeps its digit for as long as it has one. */
  places: readonly string[];
  /** The same codes, least recently used first. */
  byUse: readonly string[];
  /** Codes without a digit that were used lately, the latest last. */
  waiting: readonly string[];
}

export const NO_SLOTS: Slots = { places: [], byUse: [], waiting: [] };

/** So many labels without a digit are remembered: who comes again while remembered gets one. */
const WAITING = 8;

/** Labels that have a digit, by digit; then the others in their own order. */
export function inSlotsFirst(labels: readonly Label[], slots: Slots): Label[] {
  const place = (label: Label) => {
    const at = slots.places.indexOf(label.code);
    return at === -1 ? slots.places.length : at;
  };
  return [...labels].sort((a, b) => place(a) - place(b));
}

/**
 * A label was used: it keeps its place or takes a free one. With no place free it takes that of
 * the longest unused, but only at its second use within a short time: a key that fingers know
 * must not change for a label that comes once.
 */
export function use(slots: Slots, code: string): Slots {
  const { places, byUse, waiting } = slots;
  if (places.includes(code)) {
    return { ...slots, byUse: [...byUse.filter((other) => other !== code), code] };
  }
  if (places.length < DIGITS.length) {
    return { places: [...places, code], byUse: [...byUse, code], waiting };
  }
  if (!waiting.includes(code)) return { ...slots, waiting: [...waiting, code].slice(-WAITING) };
  const oldest = byUse[0];
  return {
    places: places.map((other) => (other === oldest ? code : other)),
    byUse: [...byUse.slice(1), code],
    waiting: waiting.filter((other) => other !== code),
  };
}

/** The digit that went from one label to another between two states, if one did. */
export function passedOn(before: Slots, after: Slots): { key: string; code: string } | null {
  const place = before.places.findIndex((code, at) => after.places[at] !== code);
  const code = after.places[place];
  return code === undefined ? null : { key: DIGITS[place] ?? "", code };
}
