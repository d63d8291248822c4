import { expect, test } from "vitest";
import type { Calibration } from "../types";
import { certaintySentence } from "./certainty";

const BIN = { from: 0.8, to: 0.9, confidence: 0.88, estimate: 0.6, low: 0.46, high: 0.72, n: 50 };
const FOUND: Calibration = { ece: 0.28, by_chance: 0.04, n: 50, bins: [BIN] };

test("a classifier that is too sure is told by how much", () => {
  expect(certaintySentence(FOUND)).toBe(
    "On average its certainty is off by 28 points (50 audit images); chance alone makes about 4 points. It is too sure of itself: 88 % sure, 60 % right.",
  );
});

test("what chance alone would show is no fault", () => {
  expect(certaintySentence({ ...FOUND, ece: 0.05 })).toContain("it may be believed");
});

test("a classifier that holds back is told so", () => {
  const bins = [{ ...BIN, confidence: 0.5 }];
  expect(certaintySentence({ ...FOUND, bins, ece: 0.1 })).toContain(
    "more often right than it says",
  );
});
