import { describe, expect, test } from "vitest";
import type { ImageRef } from "../../api/types";
import { drop, needsMore, type Round, reopen, settle, take } from "./round";

function image(id: string): ImageRef {
  return { id, url: `/${id}`, thumb_url: `/t/${id}`, width: 4, height: 3 };
}

function round(names: string, left: number): Round {
  return { images: [...names].map(image), left, settled: 3 };
}

function names({ images }: Round): string {
  return images.map((each) => each.id).join("");
}

test("a list that goes round hands no image out twice", () => {
  expect(names(take(round("ab", 4), [..."bcda"].map(image)))).toBe("abcd");
});

describe("skipping", () => {
  test("leaves as many to settle as before", () => {
    const after = drop(round("abc", 7), "a");

    expect([names(after), after.left, after.settled]).toEqual(["bc", 7, 3]);
  });

  test("comes round to the same image where it is the only one", () => {
    expect(names(take(drop(round("a", 1), "a"), [image("a")]))).toBe("a");
  });
});

describe("settling", () => {
  test("takes the count from the server: others settle too", () => {
    const after = settle(round("abc", 7), "a", 4);

    expect([names(after), after.left, after.settled]).toEqual(["bc", 4, 4]);
  });

  test("and taking it back puts the image first, once", () => {
    const after = reopen(take(settle(round("ab", 2), "a", 1), [image("a")]), image("a"));

    expect([names(after), after.left, after.settled]).toEqual(["ab", 2, 3]);
  });
});

test("more is asked for while more is there, and not for the last one", () => {
  expect(needsMore(round("ab", 9))).toBe(false);
  expect(needsMore(round("a", 9))).toBe(true);
  expect(needsMore(round("a", 1))).toBe(false);
  expect(needsMore(round("", 0))).toBe(false);
});
