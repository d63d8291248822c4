import { describe, expect, test, vi } from "vitest";
import type { Label, Special } from "../../api/types";
import { type Desk, pressKey } from "./actions";
import { askedLabel, buildQuestion } from "./oneLabel";
import { nameOfAnswer } from "./PreviousLine";

const lake = { code: "lake", name: "Lake", key: "n", description: "" } as Label;
const specials: Special[] = [
  { kind: "SKIP", name: "Skip", meaning: "", key: "y" },
  { kind: "CANT_TELL", name: "Can't tell", meaning: "", key: "t" },
  { kind: "NONE_OF_THESE", name: "None of these", meaning: "", key: "n" },
];
const flags = [{ reason: "PERSON", name: "A person" }];
const desk = (answer: Desk["answer"]) =>
  ({ canAnswer: () => true, canUndo: () => true, answer }) as Desk;

describe("a question about one label", () => {
  const registry = buildQuestion({ labels: [lake], specials, flags, isMulti: true }, lake);

  test("is answered by yes, no and can't tell, each about that label", () => {
    const answer = vi.fn();

    for (const key of ["y", "n", "t", "1", "2"]) pressKey(registry, desk(answer), key);

    expect(answer.mock.calls.map(([draft]) => draft.kind)).toEqual([
      "YES",
      "NO",
      "UNSURE",
      "YES",
      "NO",
    ]);
    expect(answer.mock.calls[0]?.[0].labels).toEqual(["lake"]);
  });

  test("says nothing of the whole picture, which can still be skipped and flagged", () => {
    const ids = registry.commands.map((command) => command.id);

    expect(ids).not.toContain("special:NONE_OF_THESE");
    expect(ids).not.toContain("label:lake");
    expect(ids).toEqual(expect.arrayContaining(["special:SKIP", "flag", "undo"]));
  });

  test("about a label that is gone becomes one about the picture", () => {
    expect(askedLabel([lake], "lake")).toBe(lake);
    expect(askedLabel([lake], "hill")).toBeNull();
    expect(askedLabel([lake], null)).toBeNull();
  });

  test("is told in words afterwards", () => {
    const names = { labels: [lake], specials };

    expect(nameOfAnswer("NO", ["lake"], names)).toBe("Lake: no");
  });
});
