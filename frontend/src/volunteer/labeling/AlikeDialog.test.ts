import { expect, test } from "vitest";
import { storedWords, wordsFor } from "./AlikeDialog";

test("the button says what it confirms, and never the answer that no label fits", () => {
  expect(wordsFor(5, 5, "Apple")).toBe("Yes, all 5 are Apple");
  expect(wordsFor(4, 5, "Apple")).toBe("Only these 4 are Apple");
  expect(wordsFor(1, 5, "Apple")).toBe("Only this one is Apple");
  expect(wordsFor(0, 5, "Apple")).toBe("Something else, all of them");
});

test("afterwards it is said for how many pictures the answer was stored", () => {
  expect(storedWords(5, 0)).toBe("Stored for 5 pictures.");
  expect(storedWords(1, 0)).toBe("Stored for 1 picture.");
  expect(storedWords(4, 1)).toBe("Stored for 4 pictures. 1 went to somebody else meanwhile.");
  expect(storedWords(0, 0)).toBe("Nothing stored. You are asked about them one by one.");
  expect(storedWords(0, 2)).toBe("Nothing stored. 2 went to somebody else meanwhile.");
});
