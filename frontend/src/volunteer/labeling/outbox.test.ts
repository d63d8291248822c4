import "fake-indexeddb/auto";
import { describe, expect, test } from "vitest";
import { openOutbox, type Unsent } from "./outbox";

function unsent(key: string, owner: string, savedAt: number): Unsent {
  const image = { id: key, url: "", thumb_url: "", width: 1, height: 1 };
  const body = {
    assignment: key,
    key,
    kind: "SKIP" as const,
    labels: [],
    time_spent_ms: 1,
    client: "tab",
    shown: {},
  };
  return { key, owner, image, body, savedAt };
}

describe("the stored outbox", () => {
  test("gives back what another visit stored, oldest first", async () => {
    const first = await openOutbox();
    await first.put(unsent("b", "pantry/1", 2));
    await first.put(unsent("a", "pantry/1", 1));

    const second = await openOutbox();

    expect(second.isDurable).toBe(true);
    expect((await second.all("pantry/1")).map((entry) => entry.key)).toEqual(["a", "b"]);
  });

  test("shows nobody the answers of somebody else on this device", async () => {
    const outbox = await openOutbox();
    await outbox.put(unsent("c", "pantry/2", 1));

    expect((await outbox.all("pantry/3")).length).toBe(0);
  });

  test("forgets an answer once it is removed", async () => {
    const outbox = await openOutbox();
    await outbox.put(unsent("d", "pantry/4", 1));

    await outbox.remove("d");

    expect(await outbox.all("pantry/4")).toEqual([]);
  });
});
