import { cleanup, render, screen } from "@testing-library/preact";
import { afterEach, expect, test, vi } from "vitest";
import type { Impact } from "../../api/types";
import { ImpactDialog } from "./ImpactDialog";

const AT = "2026-03-01T12:00:00Z";
const THEN = { estimate: 0.5, low: 0.4, high: 0.6, n: 90, at: AT, version: 3 };
const NOW = { estimate: 0.81, low: 0.72, high: 0.88, n: 90, at: AT, version: 41 };

function impact(change: Partial<Impact> = {}): Impact {
  return {
    answers: 214,
    images: 203,
    resolved: 180,
    agreed: 171,
    since: AT,
    days: 6,
    sentences: ["180 images have their label with your help."],
    accuracy: null,
    ...change,
  };
}

function accuracy(now: typeof NOW, isBetter: boolean): Impact["accuracy"] {
  // biome-ignore lint/suspicious/noThenProperty: the server's name for what was before.
  return { then: THEN, now, is_better: isBetter };
}

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

function show(said: Impact, board: unknown = null): void {
  vi.stubGlobal("fetch", async (url: string) =>
    url.endsWith("/impact")
      ? new Response(JSON.stringify(said))
      : new Response(JSON.stringify(board), { status: board ? 200 : 404 }),
  );
  render(
    <ImpactDialog
      slug="shelf"
      hasBoard={board !== null}
      progress={{ labeled: 30, total: 90 }}
      open
      onClose={() => {}}
    />,
  );
}

test("says what the server says, and nothing of an accuracy it does not know", async () => {
  show(impact());

  expect(await screen.findByText("180 images have their label with your help.")).toBeTruthy();
  expect(screen.queryByText(/classifier, on images/)).toBeNull();
  expect(screen.queryByText("Everybody's answers")).toBeNull();
});

test("shows then and now with their intervals, and claims no gain that is not certain", async () => {
  show(impact({ accuracy: accuracy({ ...NOW, low: 0.55 }, false) }));

  expect(await screen.findByText("81 % right")).toBeTruthy();
  expect(screen.getByText("between 55 and 88 %")).toBeTruthy();
  expect(screen.getByText(/too early to call it better/)).toBeTruthy();
});

test("a gain that is certain needs no caution", async () => {
  show(impact({ accuracy: accuracy(NOW, true) }));

  expect(await screen.findByText("81 % right")).toBeTruthy();
  expect(screen.queryByText(/too early/)).toBeNull();
});

test("a leaderboard is shown only where the project has one", async () => {
  const results = [
    { display_name: "Ada", answers: 1214, is_you: false },
    { display_name: "Kim", answers: 214, is_you: true },
  ];
  show(impact(), { results });

  expect(await screen.findByText("Everybody's answers")).toBeTruthy();
  expect(screen.getByText("Kim (you)")).toBeTruthy();
  expect(screen.getByText("1,214")).toBeTruthy();
});

test("tells what the bar above the image counts, and what it leaves out", async () => {
  show(impact());

  expect(
    await screen.findByText(
      /30 of 90 images are labeled, by everybody. .*more answers than labeled images. Not counted/,
    ),
  ).toBeTruthy();
});
