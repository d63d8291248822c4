import { expect, test } from "vitest";
import { expectedSentence } from "./AgreementSection";
import type { Agreement } from "./types";

const NOW: NonNullable<Agreement["now"]> = {
  at: "2026-03-01T12:00:00Z",
  alpha: null,
  by_label: [],
  expected_error: 0.034,
  n_images: 412,
  n_answers: 990,
  n_exported: 1800,
};

test("expected wrong labels come with their interval and what they rest on", () => {
  const checked = {
    ...NOW,
    expected_error_interval: [0.02, 0.06] as [number, number],
    expected_error_basis: "checked" as const,
    expected_error_means: "Experts looked at 120 of them.",
  };

  expect(expectedSentence(checked)).toBe(
    "About 61 of 1,800 labels, between 36 and 108 with 95 % confidence. Experts looked at 120 of them.",
  );
});

test("a figure that nobody has checked says that it may be too low", () => {
  const model = { ...NOW, expected_error_basis: "model" as const };

  expect(expectedSentence(model)).toBe(
    "About 61 of 1,800 labels. It rests on the answers alone and is too low where people err alike.",
  );
});
