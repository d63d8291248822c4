import { describe, expect, test, vi } from "vitest";
import type { Label, Special } from "../../api/types";
import { buildRegistry, type Desk, pressKey, type Scheme } from "./actions";
import { keyName, keyOf, NO_SLOTS, passedOn, use } from "./keys";
import { findGroups, findLabels, foundBy } from "./search";

function label(name: string, key = ""): Label {
  const code = name.toLowerCase().replaceAll(" ", "-");
  return {
    code,
    name,
    key,
    description: "",
    colour: "#6b7280",
    former_names: [],
    example_url: null,
  };
}

const SPECIALS: Special[] = [
  { kind: "SKIP", name: "Skip", meaning: "Somebody else decides", key: "s" },
  { kind: "CANT_TELL", name: "Can't tell", meaning: "Too blurred", key: "" },
  { kind: "NONE_OF_THESE", name: "None of these", meaning: "No label fits", key: "n" },
];

function scheme(labels: Label[], more: Partial<Scheme> = {}): Scheme {
  const flags = [{ reason: "PERSON", name: "A person is in it" }];
  return { labels, specials: SPECIALS, flags, isMulti: false, ...more };
}

function fakeDesk(canAnswer = true) {
  return {
    canAnswer: () => canAnswer,
    answer: vi.fn(),
    canUndo: () => true,
    undo: vi.fn(),
    open: vi.fn(),
    toggleZoom: vi.fn(),
    focusSearch: vi.fn(),
    toggle: vi.fn(),
    chosen: () => [] as string[],
  } satisfies Desk;
}

const many = Array.from({ length: 43 }, (_, n) => label(`Label ${n}`));

describe("keys of labels", () => {
  test("digits first, then letters that no command uses", () => {
    const labels = Array.from({ length: 20 }, (_, n) => label(`Label ${n}`));
    const registry = buildRegistry(scheme(labels), []);

    const keys = labels.map((each) => registry.byId.get(`label:${each.code}`)?.keys[0]);

    expect(keys.join("")).toBe("1234567890abcdehijkl");
  });

  test("a key of the coordinator's own wins, unless a command has it", () => {
    const labels = [label("Milk", "m"), label("Soy", "s"), label("Rice", "m")];
    const registry = buildRegistry(scheme(labels), []);

    expect(registry.byId.get("label:milk")?.keys).toEqual(["m"]);
    expect(registry.byId.get("label:soy")?.keys).toEqual(["1"]);
    expect(registry.byId.get("label:rice")?.keys).toEqual(["2"]);
  });

  test("a group has the first letter of its name, or one that nothing else has", () => {
    const groups = ["Milk", "Mushrooms", "Snacks"].map((name) => ({
      code: name.toLowerCase(),
      name,
      labels: [],
    }));
    const labels = [label("Oat"), label("Cow")];
    const keys = (registry: ReturnType<typeof buildRegistry>) =>
      groups.map((group) => registry.byId.get(`group:${group.code}`)?.keys);

    expect(keys(buildRegistry(scheme(labels, { groups }), []))).toEqual([["m"], ["y"], ["x"]]);
    expect(keys(buildRegistry(scheme(many, { groups }), []))).toEqual([[], [], []]);
  });

  test("no key means two things, whatever the number of labels", () => {
    for (const n of [2, 10, 28, 29, 30, 43]) {
      const groups = [{ code: "g", name: "Grains", labels: [] }];
      const { commands } = buildRegistry(scheme(many.slice(0, n), { groups }), ["label-3"]);
      const keys = commands.flatMap((command) => command.keys);
      expect(new Set(keys).size).toBe(keys.length);
    }
  });

  test("with more labels than keys, letters are free for search and commands need Shift", () => {
    const registry = buildRegistry(scheme(many), ["label-7", "label-2"]);

    expect(registry.isSearching).toBe(true);
    expect(registry.byKey.get("1")?.id).toBe("label:label-7");
    expect(registry.byKey.get("Shift+S")?.id).toBe("special:SKIP");
    expect([..."abcdefghijklmnopqrstuvwxyz"].some((key) => registry.byKey.has(key))).toBe(false);
  });

  test("recent labels keep their digits; at a second use the longest unused gives way", () => {
    let slots = NO_SLOTS;
    for (let n = 0; n < 10; n += 1) slots = use(slots, `l${n}`);
    slots = use(slots, "l0");
    const known = slots.places;
    slots = use(slots, "new");
    expect(slots.places).toEqual(known);
    const before = slots;
    slots = use(slots, "new");

    expect(slots.places).toEqual(["l0", "new", "l2", "l3", "l4", "l5", "l6", "l7", "l8", "l9"]);
    expect(passedOn(before, slots)).toEqual({ key: "2", code: "new" });
    expect(passedOn(slots, use(slots, "l3"))).toBeNull();
  });
});

describe("pressing keys", () => {
  test("a label's key answers with it", () => {
    const desk = fakeDesk();

    pressKey(buildRegistry(scheme([label("Milk")]), []), desk, "1");

    expect(desk.answer).toHaveBeenCalledWith({ kind: "LABEL", labels: ["milk"] }, "key");
  });

  test("nothing is answered while nothing can be", () => {
    const desk = fakeDesk(false);

    const meant = pressKey(buildRegistry(scheme([label("Milk")]), []), desk, "1");

    expect(meant).toBe(true);
    expect(desk.answer).not.toHaveBeenCalled();
  });

  test("with several labels an image, keys choose and Enter saves", () => {
    const desk = { ...fakeDesk(), chosen: () => ["milk"] };
    const registry = buildRegistry(scheme([label("Milk")], { isMulti: true }), []);
    pressKey(registry, desk, "1");
    pressKey(registry, desk, "Enter");

    expect(desk.toggle).toHaveBeenCalledWith("milk");
    expect(desk.answer).toHaveBeenCalledWith({ kind: "LABEL", labels: ["milk"] }, "key");
  });

  test("caps lock alone does not turn a letter into a command", () => {
    expect(keyOf(new KeyboardEvent("keydown", { key: "S" }))).toBe("s");
    expect(keyOf(new KeyboardEvent("keydown", { key: "S", shiftKey: true }))).toBe("Shift+S");
    expect(keyOf(new KeyboardEvent("keydown", { key: "z", ctrlKey: true }))).toBe("Ctrl+z");
    expect(keyName("Shift+S")).toBe("⇧S");
  });
});

describe("search", () => {
  const labels = ["Soy milk", "Milk", "Sour milk", "Crème fraîche", "Melon"].map((n) => label(n));
  const names = (query: string, recent: string[] = []) =>
    findLabels(labels, query, recent).map((each) => each.name);

  test("the whole name comes before a part of it", () => {
    expect(names("milk")).toEqual(["Milk", "Soy milk", "Sour milk"]);
  });

  test("words may be shortened and accents left out", () => {
    expect(names("so mi")).toEqual(["Soy milk", "Sour milk"]);
    expect(names("creme")).toEqual(["Crème fraîche"]);
  });

  test("among equal matches the one used last comes first", () => {
    expect(names("so", ["soy-milk", "sour-milk"])).toEqual(["Sour milk", "Soy milk"]);
  });

  test("a label is found by the names of those that were merged into it, after all others", () => {
    const merged = { ...label("Plant drink"), former_names: ["Oat milk", "Soy milk"] };
    const found = findLabels([merged, label("Milk")], "milk");

    expect(found.map((each) => each.name)).toEqual(["Milk", "Plant drink"]);
    expect(foundBy(merged, "soy")).toBe("Soy milk");
    expect(foundBy(merged, "plant")).toBeUndefined();
    expect(foundBy(merged, "")).toBeUndefined();
  });

  test("a group is found by its name", () => {
    const groups = [{ code: "drinks", name: "Cold drinks", labels: [] }];

    expect(findGroups(groups, "dri")).toEqual(groups);
    expect(findGroups(groups, " ")).toEqual([]);
    expect(findGroups(groups, "tea")).toEqual([]);
  });

  test("nothing typed lists everything, nothing fitting lists nothing", () => {
    expect(names("")).toHaveLength(5);
    expect(names("xyz")).toEqual([]);
  });
});
