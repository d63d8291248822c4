import { cleanup, render, screen } from "@testing-library/preact";
import { afterEach, expect, test, vi } from "vitest";
import { NewLabels } from "./NewLabels";

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

function show(unmatched: number) {
  const body = JSON.stringify({ unmatched, proposals: [] });
  const fetched = vi.fn(async () => new Response(body));
  vi.stubGlobal("fetch", fetched);
  render(<NewLabels base="staff/projects/shelf" labels={[]} onChange={() => {}} />);
  return fetched;
}

test("says that pictures fit no label where too few of them are alike", async () => {
  show(17);

  expect(await screen.findByRole("heading", { name: "Is a label missing?" })).toBeTruthy();
  expect(screen.getByText("17 pictures fit no label; no five of them are alike yet.")).toBeTruthy();
});

test("says nothing where every picture fits a label", async () => {
  const fetched = show(0);

  await vi.waitFor(() => expect(fetched).toHaveBeenCalled());
  await fetched.mock.results[0]?.value;
  expect(screen.queryByRole("heading")).toBeNull();
});
