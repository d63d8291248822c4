import { cleanup, render, screen } from "@testing-library/preact";
import { afterEach, describe, expect, test } from "vitest";
import { coverage, IntervalBars, type IntervalRow, worstFirst } from "./IntervalBars";

function row(name: string, change: Partial<IntervalRow> = {}): IntervalRow {
  const known = { estimate: 0.8, low: 0.6, high: 0.92, n: 20, unresolved: 0, missing: 0 };
  return { code: name.toLowerCase(), name, ...known, ...change };
}

const UNKNOWN = { estimate: null, low: 0, high: 1, n: 0, missing: 96 };

afterEach(cleanup);

function shown(name: string): HTMLElement {
  return screen.getByRole("row", { name: new RegExp(name) });
}

describe("a row of the interval chart", () => {
  test("says estimate, interval and number in words", () => {
    render(<IntervalBars what="Label" rows={[row("Milk")]} />);

    expect(shown("Milk").textContent).toContain("80 %");
    expect(shown("Milk").textContent).toContain("60–92 %");
    expect(shown("Milk").dataset.pale).toBe("false");
  });

  test("is pale under ten answers and tells how many are missing", () => {
    render(
      <IntervalBars
        what="Label"
        rows={[row("Nine", { n: 9, missing: 53 }), row("Ten", { n: 10 })]}
      />,
    );

    expect(shown("Nine").dataset.pale).toBe("true");
    expect(shown("Nine").textContent).toContain("about 53 for ±10, guessed from 9");
    expect(shown("Ten").dataset.pale).toBe("false");
  });

  test("is unknown without an answer: no mark, no interval, never 0 %", () => {
    render(<IntervalBars what="Label" rows={[row("Kiwi", UNKNOWN)]} />);

    expect(shown("Kiwi").textContent).toContain("unknown");
    expect(shown("Kiwi").textContent).not.toContain("0–100 %");
    expect(shown("Kiwi").querySelector(".interval-point")).toBeNull();
  });

  test("puts its mark and its bar where the figures are", () => {
    render(<IntervalBars what="Label" rows={[row("Milk")]} />);

    const bar = shown("Milk").querySelector(".interval-line");
    expect(shown("Milk").querySelector(".interval-point")?.getAttribute("x1")).toBe("80");
    expect([bar?.getAttribute("x1"), bar?.getAttribute("x2")]).toEqual(["60", "92"]);
  });
});

test("rows go from the worst up, and what is unknown comes last", () => {
  const rows = [row("Kiwi", UNKNOWN), row("Best", { estimate: 1 }), row("Worst", { estimate: 0 })];

  expect(worstFirst(rows).map((one) => one.name)).toEqual(["Worst", "Best", "Kiwi"]);
});

describe("how thin the slice still is", () => {
  test("counts labels with few and with no answers", () => {
    const rows = [row("A"), row("B", { n: 3 }), row("C", UNKNOWN), row("D", UNKNOWN)];

    expect(coverage(rows)).toBe(
      "Still thin: 1 label on fewer than ten audit images (pale), 2 labels on none.",
    );
  });

  test("is content once every label has ten", () => {
    expect(coverage([row("A"), row("B")])).toContain("ten audit images or more");
  });
});
