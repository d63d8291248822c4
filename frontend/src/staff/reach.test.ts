import { expect, test } from "vitest";
import { measuredSentence, secondAnswers } from "./AccuracyTile";
import { nothingMeasured, reachSentence, reachWords } from "./reach";

test("what can be reached with the images that wait is promised", () => {
  const reach = { n: 40, missing: 43, waiting: 60, reachable: 0.08 };

  expect(reachSentence(reach)).toBe("About 43 more would give ±10 points.");
  expect(reachWords(reach)).toBe("43 more for ±10");
});

test("before anything is measured no more images are asked for than there are", () => {
  expect(nothingMeasured({ missing: 93, waiting: 120 })).toContain("about 93 audit images need");
  expect(nothingMeasured({ missing: 93, waiting: 2 })).toBe(
    "Nothing measured yet. 2 audit images wait for answers; it takes about 93 to know it to ±10 points, so add pictures too.",
  );
  expect(nothingMeasured({ missing: 93, waiting: 1 })).toContain("One audit image waits for");
  expect(nothingMeasured({ missing: 93, waiting: 0 })).toContain("no audit image is left");
});

test("what cannot be reached is not", () => {
  const reach = { n: 12, missing: 88, waiting: 3, reachable: 0.24 };

  expect(reachSentence(reach)).toBe(
    "±10 points take about 88 more audit images; the 3 still left would give ±24.",
  );
  expect(reachWords(reach)).toBe("3 left for ±24; ±10 takes 88");
});

test("where none is left, new pictures are what helps", () => {
  const reach = { n: 12, missing: 88, waiting: 0, reachable: 0.3 };

  expect(reachSentence(reach)).toContain("none is left");
  expect(reachWords(reach)).toBe("none left; ±10 takes 88");
  expect(reachWords({ missing: 0, waiting: 0 })).toBe("");
});

test("where only the classifier says which images are left, that is said", () => {
  const reach = { n: 12, missing: 88, waiting: 3, reachable: 0.24 };

  expect(reachWords(reach, true)).toBe("3 left for ±24, by its guess; ±10 takes 88");
  expect(reachWords({ ...reach, waiting: 0 }, true)).toBe("none left, by its guess; ±10 takes 88");
  expect(reachWords({ ...reach, waiting: 90 }, true)).toBe("88 more for ±10");
});

test("what is answered and not settled is not called none left", () => {
  expect(reachWords({ n: 0, missing: 93, waiting: 0, unresolved: 4 }, true)).toBe(
    "4 not settled; at most 93 for ±10",
  );
});

test("a number reckoned from few images says so", () => {
  const reach = { n: 4, missing: 93, waiting: 0 };

  expect(reachWords(reach)).toBe("none left; about 93 for ±10, guessed from 4");
  expect(reachSentence(reach)).toContain("(a guess, from 4 so far)");
  expect(reachWords({ n: 0, missing: 93, waiting: 120 })).toBe("at most 93 for ±10");
});

test("a width that means unknown is never promised", () => {
  const reach = { n: 1, missing: 93, waiting: 2, reachable: 0.41 };

  expect(reachWords(reach)).toBe("only 2 left; about 93 for ±10, guessed from 1");
  expect(reachSentence(reach)).toContain("the 2 still left cannot make it known");
});

test("an interval that widens when somebody joins says why", () => {
  const open = { answers: 12, expert: 0, none_fits: 0, unseen: 0 };

  expect(secondAnswers(open, 2)).toContain("each audit image is asked of 2 of them");
  expect(secondAnswers({ ...open, answers: 0 }, 2)).toBe("");
  expect(secondAnswers(open, 1)).toBe("");
});

test("while answered audit images are not settled, it says what they wait for", () => {
  const open = { answers: 3, expert: 3, none_fits: 0, group: 0, unseen: 0 };
  const unknown = { estimate: null, low: 0, high: 1, n: 0, missing: 93, waiting: 0 };

  expect(measuredSentence({ ...unknown, unresolved: 6 }, open)).toBe(
    "Nothing measured yet: 6 audit images have answers and are not settled (waiting: 3 for more answers, 3 for an expert's look). It takes about 93 to know it to ±10 points, so add pictures too.",
  );
  expect(measuredSentence({ ...unknown, waiting: 99, unresolved: 1 })).toBe(
    "Nothing measured yet: 1 audit image has answers and is not settled.",
  );
});
