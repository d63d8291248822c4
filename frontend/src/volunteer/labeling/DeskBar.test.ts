import { expect, test } from "vitest";
import { type Connection, connectionWords } from "./DeskBar";

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
