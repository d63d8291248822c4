import { cleanup, fireEvent, render, screen } from "@testing-library/preact";
import { afterEach, expect, test, vi } from "vitest";
import { afterMerge, afterSplit, lines, MergeDialog } from "./LabelSteps";
import type { StaffLabel } from "./types";

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

const milk = { code: "milk", images: 30, audit_images: 4, answers: 40, gold: 2 };
const soy = { code: "soy", images: 12, audit_images: 0, answers: 12, gold: 0 };

test("says in numbers what a merge will do", () => {
  expect(afterMerge([milk], "Milk")).toBe("Choose two labels or more.");
  expect(afterMerge([milk, soy], "Milk")).toContain(
    "42 pictures, 4 audit images among them, will be “Milk”. All 52 answers stay",
  );
});

test("says of one answer, or none, what it says of many", () => {
  const none = { ...soy, answers: 0 };

  expect(afterMerge([none, { ...soy, answers: 1 }], "Milk")).toContain("The one answer stays as");
  expect(afterMerge([none, none], "Milk")).toContain("Nobody has answered with them yet;");
});

test("says in numbers what a split will do", () => {
  const said = afterSplit(milk, "Milk", 2);

  expect(said).toContain("26 pictures will be asked about again, and 4 audit images:");
  expect(said).toContain("2 gold pictures of it will no longer check anybody.");
  expect(afterSplit(soy, "Soy", 3)).not.toContain("gold");
});

test("takes names one a line, each once", () => {
  expect(lines(" Whole  milk\n\nSkimmed\nSkimmed ")).toEqual(["Whole milk", "Skimmed"]);
});

test("merges the labels that were ticked under the name of the largest", async () => {
  HTMLDialogElement.prototype.showModal = vi.fn();
  const fetched = vi.fn(async (_: unknown, init?: RequestInit) => {
    return new Response(JSON.stringify(init?.method === "POST" ? {} : [milk, soy]));
  });
  vi.stubGlobal("fetch", fetched);
  const labels = [label("milk", "Milk"), label("soy", "Soy milk")];
  const done = vi.fn();
  render(<MergeDialog open base="staff/x" labels={labels} onClose={() => {}} onDone={done} />);

  fireEvent.click(await screen.findByLabelText(/Soy milk/));
  fireEvent.click(screen.getByLabelText(/^Milk/));
  fireEvent.click(screen.getByText("Merge"));

  await vi.waitFor(() => expect(done).toHaveBeenCalled());
  const sent = fetched.mock.calls.find(([, init]) => init?.method === "POST");
  expect(JSON.parse(String(sent?.[1]?.body))).toEqual({ labels: ["milk", "soy"], name: "Milk" });
});

function label(code: string, name: string): StaffLabel {
  const rest = {
    became: [],
    description: "",
    key: "",
    colour: "#000000",
    retired_at: null,
    example_url: null,
  };
  return { code, name, ...rest };
}
