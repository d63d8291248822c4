import { describe, expect, test } from "vitest";
import type { StaffLabel } from "../types";
import {
  askedWords,
  type Doubt,
  decidedWords,
  type Found,
  labelNamed,
  neighbourWords,
  precisionWords,
  saidWords,
  shownShares,
  suggestions,
  take,
} from "./review";

const FOUND: Found = {
  open: 4,
  wrong: { estimate: 0.75, low: 0.63, high: 0.88, n: 40 },
  n_wrong: 31,
  n_judged: 40,
  cant_tell: 0,
  asked: 0,
  answered: 0,
  otherwise: 0,
  is_several: false,
};

function doubt(id: string, classifier = "Soy milk", neighbours = "Soy milk"): Doubt {
  const image = { id, url: "", thumb_url: "", width: 1, height: 1 };
  const code = (name: string) => name.toLowerCase().replace(" ", "-");
  return {
    image,
    given: { code: "milk", name: "Milk", share: 0.1 },
    given_alike: 0.2,
    classifier: { code: code(classifier), name: classifier, share: 0.8 },
    neighbours: { code: code(neighbours), name: neighbours, share: 0.7 },
    is_shown: null,
    said: null,
  };
}

function label(name: string, retired: string | null = null): StaffLabel {
  const rest = { description: "", key: "", colour: "#000000", became: [], example_url: null };
  return { code: name.toLowerCase(), name, retired_at: retired, ...rest };
}

describe("what is offered instead", () => {
  test("one label where both say the same, two where they differ", () => {
    expect(suggestions(doubt("a")).map(({ name }) => name)).toEqual(["Soy milk"]);
    const both = suggestions(doubt("a", "Soy milk", "Oat milk"));
    expect(both.map(({ name }) => name)).toEqual(["Soy milk", "Oat milk"]);
  });

  test("never the label it has", () => {
    expect(suggestions(doubt("a", "Soy milk", "Milk"))).toHaveLength(1);
  });
});

describe("the words", () => {
  test("say how many doubts were right, with the interval", () => {
    expect(precisionWords(FOUND)).toBe(
      "Of 40 doubted labels looked at, 31 were wrong (likely 63–88 % of such doubts).",
    );
    const one = { ...FOUND, n_wrong: 0, n_judged: 1 };
    expect(precisionWords({ ...one, wrong: { estimate: 0, low: 0, high: 0.793, n: 1 } })).toBe(
      "Of 1 doubted label looked at, 0 were wrong (likely 0–79 % of such doubts).",
    );
    expect(precisionWords({ ...FOUND, n_judged: 0 })).toBe("Nobody has looked at one yet.");
  });

  test("say what people answered, where anybody was asked", () => {
    expect(askedWords(FOUND)).toBe("");
    expect(askedWords({ ...FOUND, asked: 9, answered: 7, otherwise: 3 })).toContain(
      "about 9 images; 7 answered, after which 3 got another label",
    );
    const asked = { ...FOUND, asked: 9, answered: 7, otherwise: 3, is_several: true };
    expect(askedWords(asked)).toContain("about 9 images; 7 answered, 3 of them otherwise.");
  });

  test("say what was decided", () => {
    expect(decidedWords("LABEL", doubt("a"), "Milk")).toBe("Kept: Milk.");
    expect(decidedWords("LABEL", doubt("a"), "Oat milk")).toBe("Changed: Milk is now Oat milk.");
  });

  test("of one label among several say what people said, and what speaks against it", () => {
    const no = { ...doubt("a", "Milk", "Milk"), is_shown: false };
    const yes = { ...no, is_shown: true };
    expect(saidWords({ ...no, said: { yes: 0, no: 1, is_import: false } })).toBe(
      "one person said that it is not there",
    );
    expect(saidWords({ ...yes, said: { yes: 2, no: 1, is_import: false } })).toBe(
      "2 of 3 people said that it is there",
    );
    expect(saidWords({ ...yes, said: { yes: 0, no: 0, is_import: true } })).toBe(
      "it is there: so it came with the picture",
    );
    expect(shownShares(no)).toEqual({ classifier: 0.8, neighbours: 0.7 });
    expect(shownShares(yes)).toEqual({ classifier: 0.1, neighbours: 0.2 });
    expect(decidedWords("YES", no, "Milk")).toBe("Changed: it shows Milk.");
    expect(decidedWords("NO", no, "Milk")).toBe("Kept: it does not show Milk.");
  });

  test("say what the neighbours are", () => {
    expect(neighbourWords(doubt("a"))).toBe("70 % are Soy milk, 20 % are Milk");
    expect(neighbourWords({ ...doubt("a"), given_alike: 0 })).toContain("none is Milk");
  });
});

test("two labels of one picture are two doubts", () => {
  const milk = doubt("a");
  const juice = { ...milk, given: { code: "juice", name: "Juice", share: 0.2 } };
  expect(take([milk], [milk, juice])).toHaveLength(2);
});

test("what is in hand is not taken twice when the list goes round", () => {
  const [a, b, c] = [doubt("a"), doubt("b"), doubt("c")];
  expect(take([a, b], [b, c, a]).map(({ image }) => image.id)).toEqual(["a", "b", "c"]);
});

describe("another label by name", () => {
  const labels = [label("Oat milk"), label("Oat"), label("Orange"), label("Old", "2026-01-01")];

  test("by its whole name or by a beginning that only one has", () => {
    expect(labelNamed(labels, "oat")?.name).toBe("Oat");
    expect(labelNamed(labels, " OR ")?.name).toBe("Orange");
  });

  test("not where two begin so, nothing is typed or it is retired", () => {
    for (const typed of ["o", "", "old"]) expect(labelNamed(labels, typed)).toBeUndefined();
  });
});
