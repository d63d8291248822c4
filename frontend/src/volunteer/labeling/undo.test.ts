import { describe, expect, test } from "vitest";
import { MIN_LOOK_MS } from "./look";
import { MemoryOutbox } from "./outbox";
import { takenBackWords } from "./PreviousLine";
import { desk, settle } from "./testing";

describe("undo", () => {
  test("takes the newest answer back and shows its image again", async () => {
    const { queue, label, server, current } = await desk();
    await label("milk");
    await label("rice");

    await queue.undo();

    expect(current()).toBe("image 2");
    expect([...server.counted.values()].map((b) => b.labels[0])).toEqual(["milk"]);
    expect(queue.state.upcoming[0]?.id).toBe("image 3");
  });

  test("an answer that was never sent never reaches the server", async () => {
    const { queue, label, server, outbox, current } = await desk();
    server.isOnline = false;
    await label("milk");
    await label("rice"); // Waits behind the first.

    await queue.undo();
    server.isOnline = true;
    await queue.wake();

    expect(current()).toBe("image 2");
    expect(server.posts.map((body) => body.labels[0])).toEqual(["milk", "milk"]);
    expect(server.undos).toBe(0);
    expect(await outbox.all("pantry/1")).toHaveLength(0);
  });

  test("an answer does not leave while it is being dropped", async () => {
    const outbox = new MemoryOutbox();
    outbox.remove = () => settle();
    const { queue, server, clock, current } = await desk({ outbox });
    await clock.pass(MIN_LOOK_MS);

    queue.answer({ kind: "LABEL", labels: ["milk"] });
    await queue.undo();
    await settle();

    expect(server.posts).toHaveLength(0);
    expect(current()).toBe("image 1");
  });

  test("an answer whose reply was lost is taken back at the server as well", async () => {
    const { queue, label, server, outbox, current } = await desk();
    server.losesReplies = 1;
    await label("milk");
    expect(server.counted.size).toBe(1);

    await queue.undo();
    expect(queue.state.unsent).toBe(0);
    expect(queue.state.progress.mine).toBe(0);
    await queue.wake();

    expect(current()).toBe("image 1");
    expect(server.counted.size).toBe(0);
    expect(await outbox.all("pantry/1")).toHaveLength(0);
    await label("soy");
    expect([...server.counted.values()].map((body) => body.labels[0])).toEqual(["soy"]);
    expect(queue.state.notice).toBeNull();
  });

  test("and what was answered in its place meanwhile counts, alone", async () => {
    const { queue, label, server, outbox, current } = await desk();
    server.losesReplies = 1;
    await label("milk");
    server.isOnline = false;
    await queue.undo();
    await label("soy");
    expect(queue.state.unsent).toBe(1);

    server.isOnline = true;
    await queue.wake();

    expect([...server.counted.values()].map((body) => body.labels[0])).toEqual(["soy"]);
    expect(queue.state.notice).toBeNull();
    expect(current()).toBe("image 2");
    expect(await outbox.all("pantry/1")).toHaveLength(0);
    await queue.undo();
    expect(server.counted.size).toBe(0);
    expect(current()).toContain("image 1");
  });

  test("survives a reload between losing the reply and finding the network", async () => {
    const { queue, label, server, outbox, clock } = await desk();
    server.losesReplies = 1;
    await label("milk");
    server.isOnline = false;
    await queue.undo();
    queue.close();

    server.isOnline = true;
    const later = await desk({ outbox, server, clock });

    expect(server.counted.size).toBe(0);
    expect(later.current()).toContain("image 1");
    expect(await outbox.all("pantry/1")).toHaveLength(0);
  });

  test("the image can be answered again after the undo", async () => {
    const { queue, label, server } = await desk();
    await label("milk");
    await queue.undo();

    await label("soy");

    expect([...server.counted.values()].map((b) => b.labels[0])).toEqual(["soy"]);
    expect(queue.state.current?.image.id).toBe("image 2");
  });

  test("reaches back twenty answers and no further", async () => {
    const { queue, label } = await desk({ images: 40 });
    for (let n = 0; n < 25; n += 1) await label("milk");

    let undone = 0;
    while (queue.state.canUndo) {
      await queue.undo();
      undone += 1;
    }

    expect(undone).toBe(20);
  });

  test("keeps the answer where the server cannot be reached", async () => {
    const { queue, label, server, current } = await desk();
    await label("milk");
    server.isOnline = false;

    await queue.undo();

    expect(queue.state.notice).toContain("Undo needs a connection");
    expect(current()).toBe("image 2");
    expect(queue.state.canUndo).toBe(true);
  });
});

describe("an answer taken back", () => {
  test("is told until the next answer, with its image at hand", async () => {
    const { queue, label } = await desk();
    await label("milk");
    expect(takenBackWords(queue.state)).toBe("");

    await queue.undo();
    expect(takenBackWords(queue.state)).toBe("Taken back. Here it is again.");

    await label("rice");
    expect(takenBackWords(queue.state)).toBe("");
  });

  test("is not told where the undo failed", async () => {
    const { queue, label, server } = await desk();
    await label("milk");
    server.isOnline = false;

    await queue.undo();

    expect(takenBackWords(queue.state)).toBe("");
    expect(queue.state.notice).toContain("Undo needs a connection");
  });

  test("is told once for each of several", async () => {
    const { queue, label } = await desk();
    await label("milk");
    await label("rice");
    const told: (string | null)[] = [];
    queue.subscribe(() => told.push(queue.state.takenBack?.labels[0] ?? null));

    await queue.undo();
    await queue.undo();

    const changes = told.filter((one, place) => one !== told[place - 1]);
    expect(changes).toEqual([null, "rice", null, "milk"]);
  });
});

describe("undo of an older answer", () => {
  test("brings just that image back and leaves the others counted", async () => {
    const { queue, label, server, current } = await desk();
    for (const code of ["milk", "rice", "beans"]) await label(code);
    const [, second] = queue.state.recent;

    await queue.undo(second?.key);

    expect(current()).toBe("image 2");
    expect([...server.counted.values()].map((body) => body.labels[0])).toEqual(["milk", "beans"]);
    expect(queue.state.recent.map((past) => past.labels[0])).toEqual(["beans", "milk"]);
  });

  test("what is on the list is newest first, and at most twenty", async () => {
    const { queue, label } = await desk({ images: 40 });
    for (let n = 0; n < 25; n += 1) await label(`label ${n}`);

    expect(queue.state.recent).toHaveLength(20);
    expect(queue.state.recent[0]?.labels).toEqual(["label 24"]);
  });
});
