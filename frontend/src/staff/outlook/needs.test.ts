import { expect, test } from "vitest";
import { inOrder } from "./needs";
import type { LabelNeed } from "./types";

function need(name: string, standing: LabelNeed["standing"], middle = 0): LabelNeed {
  const more = standing === "needs" ? { low: 1, middle, high: 2 * middle } : null;
  return { code: name, name, labels: 5, n: 12, standing, more, partner: null, sentence: "" };
}

test("labels that need most of somebody come first", () => {
  const rows = [
    need("apple", "supported"),
    need("leek", "unknown"),
    need("milk", "needs", 5),
    need("soy", "needs", 50),
    need("oat", "merge"),
  ];

  expect(inOrder(rows).map((row) => row.name)).toEqual(["oat", "soy", "milk", "leek", "apple"]);
});
