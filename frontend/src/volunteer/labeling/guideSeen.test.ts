import { beforeEach, expect, test } from "vitest";
import { guideNews, sawGuide } from "./guideSeen";

const page = (answers: number, guide = "Look at the middle.") => ({
  guide,
  annotator: { id: "ada", answers },
});

beforeEach(() => localStorage.clear());

test("is shown before the first answer, once", () => {
  expect(guideNews(page(0))).toBe("first");

  sawGuide(page(0));

  expect(guideNews(page(0))).toBe("none");
  expect(guideNews(page(7))).toBe("none");
});

test("is told to have changed to whoever read the one before, until they read it", () => {
  sawGuide(page(0));
  const anew = page(7, "Look at the price tag.");

  expect(guideNews(anew)).toBe("changed");
  expect(guideNews(anew)).toBe("changed");
  sawGuide(anew);

  expect(guideNews(anew)).toBe("none");
});

test("is shown whole where it changed before the first answer", () => {
  sawGuide(page(0));

  expect(guideNews(page(0, "Look at the price tag."))).toBe("first");
});

test("says nothing on another device, and tells the next change there", () => {
  expect(guideNews(page(7))).toBe("none");

  expect(guideNews(page(9, "Look at the price tag."))).toBe("changed");
});

test("another person on the same device has not read it", () => {
  sawGuide(page(3));

  expect(guideNews({ ...page(0), annotator: { id: "bea", answers: 0 } })).toBe("first");
});
