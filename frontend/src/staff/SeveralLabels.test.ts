import { render } from "@testing-library/preact";
import { h } from "preact";
import { expect, test } from "vitest";
import { leastFoundFirst, SeveralLabels, summary } from "./SeveralLabels";
import type { SetFigures, SetLabel } from "./types";

function label(code: string, recall: number | null, n_yes = 20): SetLabel {
  const found = recall === null ? null : { estimate: recall, low: 0, high: 1, n: n_yes };
  return {
    code,
    name: code,
    threshold: 0.8,
    n: 40,
    n_yes,
    average_precision: recall,
    precision: found,
    recall: found,
    f1: recall,
  };
}

function figures(labels: SetLabel[], images = 40): SetFigures {
  return {
    images,
    mean_average_precision: 0.9,
    micro_f1: 0.82,
    macro_f1: 0.8,
    labels,
    together: [],
  };
}

test("the labels that are found least come first, those no picture shows last", () => {
  const rows = [label("lake", null, 0), label("mountain", 0.9), label("glacier", 0.4)];

  expect(leastFoundFirst(rows).map((row) => row.code)).toEqual(["glacier", "mountain", "lake"]);
});

test("labels that came with the pictures were given by nobody, blind or not", () => {
  const text = (cameWith: boolean) =>
    render(h(SeveralLabels, { figures: figures([]), cameWith })).container.textContent;

  expect(text(false)).toContain("labeled blind");
  expect(text(true)).toContain("with labels that came with the pictures");
  expect(text(true)).not.toContain("labeled blind");
});

test("one sentence says all labels together, and which rest on little", () => {
  expect(summary(figures([label("mountain", 0.9)]))).toBe(
    "On 40 pictures, all labels together: 82 %, where a label missed and a label too many count alike (F1).",
  );
  expect(summary(figures([label("mountain", 0.9), label("lake", 0.5, 4)]))).toContain(
    "1 label on fewer than ten pictures (pale).",
  );
  expect(summary(figures([], 0))).toBe("Nothing is measured yet.");
});
