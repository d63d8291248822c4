import { cleanup, render, screen } from "@testing-library/preact";
import { afterEach, expect, test } from "vitest";
import { DriftNote } from "./ImagesPage";

afterEach(cleanup);

test("uploads that look different are told of, a sentence each", () => {
  const batch = { source: "phone app", day: "2026-03-02", images: 120, audit_share: 0.24 };
  const sentence = "The 120 pictures from “phone app” of 2 March look different.";
  render(<DriftNote found={[{ ...batch, usual_share: 0.12, sentence }]} />);

  expect(screen.getByRole("region", { name: "Uploads that look different" })).toBeTruthy();
  expect(screen.getByText(sentence)).toBeTruthy();
});

test("nothing is told where nothing differs", () => {
  const { container } = render(<DriftNote found={[]} />);

  expect(container.innerHTML).toBe("");
});
