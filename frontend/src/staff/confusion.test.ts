import { describe, expect, test } from "vitest";
import { rightCount, shownLabels, worst } from "./confusion";
import type { Confusion } from "./types";

const NAMES = ["milk", "soy milk", "oat milk", "kefir"];

function confusion(counts: number[][]): Confusion {
  const labels = NAMES.slice(0, counts.length).map((name) => ({ code: name, name }));
  return { labels, counts, n: counts.flat().reduce((sum, n) => sum + n, 0), version: 3 };
}

describe("the worst mix-ups", () => {
  test("come by count, then by their share of the label; what is right is none", () => {
    const found = worst(
      confusion([
        [9, 1, 0],
        [2, 2, 0],
        [1, 0, 0],
      ]),
    );

    expect(found.map(({ truth, predicted, n, share }) => [truth, predicted, n, share])).toEqual([
      [1, 0, 2, 0.5],
      [2, 0, 1, 1],
      [0, 1, 1, 0.1],
    ]);
  });

  test("are at most so many", () => {
    const all = confusion([
      [0, 1, 1],
      [1, 0, 1],
      [1, 1, 0],
    ]);

    expect(worst(all, 4)).toHaveLength(4);
  });

  test("are none where all is right", () => {
    expect(
      worst(
        confusion([
          [3, 0],
          [0, 4],
        ]),
      ),
    ).toEqual([]);
  });
});

describe("the labels of the table", () => {
  const counts = confusion([
    [3, 1, 0, 0],
    [0, 2, 0, 0],
    [0, 0, 5, 0],
    [0, 0, 0, 0],
  ]);

  test("leave out those without an image", () => {
    expect(shownLabels(counts, false)).toEqual([0, 1, 2]);
  });

  test("fold to those that are mixed up, on either side", () => {
    expect(shownLabels(counts, true)).toEqual([0, 1]);
  });
});

test("right answers are the diagonal", () => {
  expect(
    rightCount(
      confusion([
        [3, 1],
        [2, 4],
      ]),
    ),
  ).toBe(7);
});
