import { expect, test } from "vitest";
import type { Overview } from "../types";
import { asOf, isWaiting, sinceThen } from "./age";
import type { Figures, Outlook } from "./types";

const figures = { version: 3, labels: 40, audit_images: 12, audit_answered: 20 } as Figures;

function now(n_labels: number, n: number) {
  return { champion: { n_labels }, accuracy: { overall: { n } } } as unknown as Overview;
}

test("figures say what they rest on, and what has come since", () => {
  expect(asOf("2026-11-21T19:35:00Z", figures)).toContain("v3, 40 labels and 12 audit images.");
  expect(sinceThen(figures, now(40, 20))).toBe("");
  expect(sinceThen(figures, now(41, 20))).toContain("1 label has come since");
  expect(sinceThen(figures, now(52, 22))).toContain("12 labels and 2 audit images have come");
  expect(sinceThen(figures, now(30, 20))).toBe("");
});

test("audit images that wait for an expert have not come since", () => {
  expect(sinceThen({ ...figures, audit_images: 8 }, now(40, 20))).toBe("");
});

test("what was worked out before the first classifier is not shown beside it", () => {
  const before = { ...figures, version: null, overall: { refusal: "no_champion", sentence: "" } };

  expect(isWaiting({ figures: before } as Outlook)).toBe(true);
  expect(isWaiting({ figures: null } as Outlook)).toBe(true);
  expect(
    isWaiting({ figures: { ...before, overall: { refusal: "multi_label" } } } as Outlook),
  ).toBe(false);
});
