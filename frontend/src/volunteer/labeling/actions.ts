/**
 * The one registry of commands. Buttons, shortcuts and the help list are derived from it; nothing
 * else listens to keys.
 */
import type { FlagChoice, Label, LabelGroup, Special } from "../../api/types";
import { keysForGroups, keysForLabels, keysForSlots, needsSearch } from "./keys";
import type { Draft } from "./queueState";

export type By = "key" | "pointer" | "search";
export type DialogName = "none" | "guide" | "flag" | "contact" | "recent" | "impact";

/** What commands may do to the screen that shows them. */
export interface Desk {
  canAnswer(): boolean;
  answer(draft: Draft, by: By): void;
  canUndo(): boolean;
  undo(): void;
  open(dialog: DialogName): void;
  toggleZoom(): void;
  focusSearch(): void;
  /** Several labels an image: choose or unchoose one, then confirm. */
  toggle(code: string): void;
  chosen(): readonly string[];
}

export interface Command {
  id: string;
  /** What a button says. */
  label: string;
  /** One line on what it means. */
  meaning: string;
  group: "label" | "answer" | "view";
  keys: readonly string[];
  predicate(desk: Desk): boolean;
  perform(desk: Desk, by: By): void;
}

export interface Scheme {
  labels: readonly Label[];
  /** None where an image has several labels. */
  groups?: readonly LabelGroup[];
  specials: readonly Special[];
  flags: readonly FlagChoice[];
  isMulti: boolean;
  /** Expert page: no flag, no list of recent answers. */
  isExpert?: boolean;
}

const DEFAULT_KEYS: Record<string, string> = {
  SKIP: "s",
  CANT_TELL: "t",
  NONE_OF_THESE: "n",
  FLAG: "f",
};
/** With a dozen labels or fewer, all are in view and a search box would only be in the way. */
const SEARCH_FROM = 13;
const VIEW_KEYS = ["u", "g", "z"] as const;

const always = () => true;
const mayAnswer = (desk: Desk) => desk.canAnswer();

/** The keys that belong to commands, whatever the labels are. */
export function reservedKeys(scheme: Scheme): Set<string> {
  return new Set([...VIEW_KEYS, "f", ...scheme.specials.map(specialKey)]);
}

function specialKey(special: Special): string {
  return (special.key || DEFAULT_KEYS[special.kind] || "").toLowerCase();
}

/** With letters given to search, commands keep theirs together with Shift. */
function commandKey(key: string, isSearching: boolean): string[] {
  if (key === "") return [];
  return isSearching && /^[a-z]$/.test(key) ? [`Shift+${key.toUpperCase()}`] : [key];
}

function labelCommand(label: Label, key: string | undefined, isMulti: boolean): Command {
  return {
    id: `label:${label.code}`,
    label: label.name,
    meaning: label.description,
    group: "label",
    keys: key ? [key] : [],
    predicate: mayAnswer,
    perform: (desk, by) =>
      isMulti ? desk.toggle(label.code) : desk.answer({ kind: "LABEL", labels: [label.code] }, by),
  };
}

function groupCommand(group: LabelGroup, key: string | undefined): Command {
  return {
    id: `group:${group.code}`,
    label: group.name,
    meaning: "You can tell this much, and not which of its labels it is",
    group: "label",
    keys: key ? [key] : [],
    predicate: mayAnswer,
    perform: (desk, by) => desk.answer({ kind: "LABEL", labels: [group.code] }, by),
  };
}

function specialCommand(special: Special, isSearching: boolean): Command {
  return {
    id: `special:${special.kind}`,
    label: special.name,
    meaning: special.meaning,
    group: "answer",
    keys: commandKey(specialKey(special), isSearching),
    predicate: mayAnswer,
    perform: (desk, by) =>
      special.kind === "FLAG" ? desk.open("flag") : desk.answer({ kind: special.kind }, by),
  };
}

function hasSearchBox(scheme: Scheme): boolean {
  return scheme.labels.length >= SEARCH_FROM;
}

function viewCommands(scheme: Scheme, isSearching: boolean): Command[] {
  const commands: Command[] = [
    {
      id: "guide",
      label: "Guide",
      meaning: "The guide, and an example of each label",
      group: "view",
      keys: ["?", ...commandKey("g", isSearching)],
      predicate: always,
      perform: (desk) => desk.open("guide"),
    },
    {
      id: "zoom",
      label: "Zoom",
      meaning: "Look closer; again to step back",
      group: "view",
      keys: commandKey("z", isSearching),
      predicate: always,
      perform: (desk) => desk.toggleZoom(),
    },
  ];
  if (hasSearchBox(scheme)) {
    commands.push({
      id: "search",
      label: "Search",
      meaning: isSearching ? "Find a label; or just start typing" : "Find a label by its name",
      group: "view",
      keys: ["/"],
      predicate: always,
      perform: (desk) => desk.focusSearch(),
    });
  }
  const undo: Command = {
    id: "undo",
    label: "Undo",
    meaning: "Take your last answer back, up to 20 times",
    group: "view",
    keys: [...commandKey("u", isSearching), "Ctrl+z"],
    predicate: (desk) => desk.canUndo(),
    perform: (desk) => desk.undo(),
  };
  const recent: Command = {
    id: "recent",
    label: "Recent answers",
    meaning: "Your last 20 answers; take any of them back",
    group: "view",
    // No letter: those belong to the labels.
    keys: ["Backspace"],
    predicate: always,
    perform: (desk) => desk.open("recent"),
  };
  return scheme.isExpert ? [undo, ...commands] : [undo, recent, ...commands];
}

function flagCommand(isSearching: boolean): Command {
  return {
    id: "flag",
    label: "Flag",
    meaning: "A person is in it, it is broken, or it should not be here",
    group: "answer",
    keys: commandKey("f", isSearching),
    predicate: mayAnswer,
    perform: (desk) => desk.open("flag"),
  };
}

const CONFIRM: Command = {
  id: "confirm",
  label: "Save labels",
  meaning: "Save the labels you chose",
  group: "answer",
  keys: ["Enter"],
  predicate: (desk) => desk.canAnswer() && desk.chosen().length > 0,
  perform: (desk, by) => desk.answer({ kind: "LABEL", labels: desk.chosen() }, by),
};

export interface Registry {
  commands: readonly Command[];
  /** More labels than keys: typing searches, digits pick the labels in the slots. */
  isSearching: boolean;
  byKey: ReadonlyMap<string, Command>;
  byId: ReadonlyMap<string, Command>;
}

export function buildRegistry(scheme: Scheme, slots: readonly string[]): Registry {
  const reserved = reservedKeys(scheme);
  const isSearching = needsSearch(scheme.labels, reserved);
  const keys = isSearching ? keysForSlots(slots) : keysForLabels(scheme.labels, reserved);
  const groups = scheme.groups ?? [];
  const taken = new Set([...reserved, ...keys.values()]);
  // Letters that search find a group by its name.
  const groupKeys = keysForGroups(isSearching ? [] : groups, taken);
  const specials = scheme.specials.filter((special) => special.kind !== "FLAG");
  const hasFlag = scheme.flags.length > 0 && !scheme.isExpert;
  const commands = [
    ...scheme.labels.map((label) => labelCommand(label, keys.get(label.code), scheme.isMulti)),
    ...groups.map((group) => groupCommand(group, groupKeys.get(group.code))),
    ...specials.map((special) => specialCommand(special, isSearching)),
    ...(hasFlag ? [flagCommand(isSearching)] : []),
    ...(scheme.isMulti ? [CONFIRM] : []),
    ...viewCommands(scheme, isSearching),
  ];
  const byKey = new Map(commands.flatMap((command) => command.keys.map((key) => [key, command])));
  const byId = new Map(commands.map((command) => [command.id, command]));
  return { commands, isSearching, byKey, byId };
}

/** Do what a key press means. True if it meant something (the browser then does nothing more). */
export function pressKey(registry: Registry, desk: Desk, key: string): boolean {
  const command = registry.byKey.get(key);
  if (!command) return false;
  if (command.predicate(desk)) command.perform(desk, "key");
  return true;
}
