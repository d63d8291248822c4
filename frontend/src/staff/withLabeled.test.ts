import { expect, test } from "vitest";
import type { ClassAccuracy } from "./types";
import { withLabeled } from "./withLabeled";

const row = {
  code: "milk",
  name: "Milk",
  estimate: 0.9,
  low: 0.7,
  high: 0.97,
  n: 14,
  pooled: { estimate: 0.88, low: 0.81, high: 0.93, n: 14 },
} as ClassAccuracy;

test("says what the labeled images make of the interval, and how many they are", () => {
  expect(withLabeled({ ...row, practice: [70.5, 79] })).toMatch(/81.*93.*with 79 labeled/);
});

test("says nothing where nobody counted, of a label without any, or without audit images", () => {
  expect(withLabeled(row)).toBeNull();
  expect(withLabeled({ ...row, practice: null })).toBeNull();
  expect(withLabeled({ ...row, practice: [0, 0] })).toBeNull();
  expect(withLabeled({ ...row, pooled: null, practice: [7, 9] })).toBeNull();
});
