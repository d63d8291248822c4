import { cleanup, render, screen } from "@testing-library/preact";
import { afterEach, expect, test } from "vitest";
import { buildRegistry, type Desk } from "./actions";
import { type Connection, connectionWords, DeskBar } from "./DeskBar";

afterEach(cleanup);

const WELL: Connection = { unsent: 0, isRetrying: false, isPaused: false, isOnline: true };

test("nothing is said while all is well", () => {
  expect(connectionWords(WELL)).toBe("");
  expect(connectionWords({ ...WELL, unsent: 2 })).toBe("");
  expect(connectionWords({ ...WELL, unsent: 3 })).toBe("Sending 3 answers");
});

test("a lost network is told before anything is answered", () => {
  const words = "No connection. Your answers are kept here.";

  expect(connectionWords({ ...WELL, isOnline: false })).toBe(words);
  expect(connectionWords({ ...WELL, isRetrying: true })).toBe(words);
});

test("what waits is counted, whatever it waits for", () => {
  const one = { ...WELL, unsent: 1 };

  expect(connectionWords({ ...one, isOnline: false })).toBe(
    "Offline: 1 answer kept here, not sent yet",
  );
  expect(connectionWords({ ...one, isPaused: true })).toBe("1 answer kept here, not sent yet");
  expect(connectionWords({ ...WELL, isPaused: true, isRetrying: true })).toBe("");
});

test("says of what it counts, and why answers and labeled images differ", () => {
  const scheme = { labels: [], specials: [], flags: [], isMulti: false };
  const connection = { unsent: 0, isRetrying: false, isPaused: false };
  const progress = { mine: 72, labeled: 71, total: 155 };
  const registry = buildRegistry(scheme, []);
  const { container } = render(
    <DeskBar {...connection} name="Pantry" {...{ progress, registry }} desk={{} as Desk} />,
  );

  expect(container.querySelector(".desk-progress p")?.textContent).toBe(
    "72 answers by you; 71 of 155 images labeled",
  );
  const button = screen.getByRole("button", { name: "What your 72 answers did" });
  expect(button.title).toContain("asked of several people");
});
