import { describe, expect, test } from "vitest";
import { ApiError } from "../../api/errors";
import type { Practice } from "../../api/types";
import { takenBackWords } from "./PreviousLine";
import { MIN_LOOK_MS } from "./queue";
import { desk, settle } from "./testing";

describe("prefetch", () => {
  test("holds three images and has loaded their pictures before they are needed", async () => {
    const { queue, loader } = await desk();

    expect(queue.state.upcoming.map((a) => a.id)).toEqual(["image 2", "image 3"]);
    expect(loader.loaded).toEqual(["/image 1", "/image 2", "/image 3"]);
  });

  test("never keeps more pictures than images in hand", async () => {
    const { label, loader } = await desk({ images: 100 });

    for (let n = 0; n < 50; n += 1) await label("milk");

    // Three in hand, and the one just answered.
    expect(loader.loaded.length - loader.revoked.length).toBe(4);
  });

  test("asks again for images once hands are empty", async () => {
    const { label, queue } = await desk({ images: 4 });

    for (let n = 0; n < 4; n += 1) await label("milk");

    expect(queue.state.phase).toBe("done");
    expect(queue.state.done?.code).toBe("all_done");
  });
});

describe("answer", () => {
  test("shows the next image in the same turn, before the server has said anything", async () => {
    const { queue, clock, server, current } = await desk();
    await clock.pass(MIN_LOOK_MS);

    queue.answer({ kind: "LABEL", labels: ["milk"] });

    expect(current()).toBe("image 2");
    expect(queue.state.picture).toEqual({ status: "ready", src: "blob:/image 2" });
    expect(server.posts).toHaveLength(0);
  });

  test("sends what was answered, with the time spent looking", async () => {
    const { server, clock, queue } = await desk();
    await clock.pass(1234);
    queue.answer({ kind: "FLAG", flagReason: "PERSON", shown: { by: "key" } });
    await settle();

    expect(server.posts[0]).toMatchObject({
      assignment: "image 1",
      kind: "FLAG",
      labels: [],
      flag_reason: "PERSON",
      time_spent_ms: 1234,
      client: "tab",
      shown: { by: "key" },
    });
  });

  test("takes a double key press for one", async () => {
    const { queue, clock, server, current } = await desk();
    await clock.pass(MIN_LOOK_MS);

    expect(queue.answer({ kind: "LABEL", labels: ["milk"] })).toBe(true);
    await clock.pass(MIN_LOOK_MS - 1);
    expect(queue.answer({ kind: "LABEL", labels: ["milk"] })).toBe(false);
    await settle();

    expect(server.counted.size).toBe(1);
    expect(current()).toBe("image 2");
  });

  test("does not label a picture that could not be loaded, but lets it be skipped", async () => {
    const { queue, clock, loader, label } = await desk({ images: 6 });
    loader.broken.add("/image 4");
    await label("milk");
    await clock.pass(1500);
    await clock.pass(3000);
    await label("milk");
    await label("milk");
    expect(queue.state.picture?.status).toBe("failed");
    expect(queue.answer({ kind: "LABEL", labels: ["milk"] })).toBe(false);
    expect(queue.answer({ kind: "SKIP" })).toBe(true);
  });

  test("leaves hidden time out of the time spent", async () => {
    const { queue, clock, server } = await desk();
    await clock.pass(500);
    queue.setVisible(false);
    await clock.pass(60_000);
    queue.setVisible(true);
    await clock.pass(300);
    queue.answer({ kind: "SKIP" });
    await settle();

    expect(server.posts[0]?.time_spent_ms).toBe(800);
  });

  test("tells the sentence about the image just answered", async () => {
    const { label, queue } = await desk();

    await label("milk");

    expect(queue.state.previous).toMatchObject({
      labels: ["milk"],
      sentence: "Thanks for image 1.",
    });
  });

  test("counts the volunteer's own answers while they are on their way", async () => {
    const { label, queue, server } = await desk();
    server.isOnline = false;

    await label("milk");
    await label("rice");

    expect(queue.state.progress.mine).toBe(2);
  });

  test("counts a skip on its way apart: it is no answer", async () => {
    const { label, queue, server, clock } = await desk();
    server.isOnline = false;

    await label("milk");
    await clock.pass(300);
    queue.answer({ kind: "SKIP" });
    await settle();

    expect(queue.state.progress).toMatchObject({ mine: 1, skipped: 1 });
  });
});

describe("without a network", () => {
  test("keeps answers, says how many, and sends each once when it is back", async () => {
    const { label, queue, server, outbox } = await desk();
    server.isOnline = false;
    await label("milk");
    await label("rice");
    expect(queue.state.unsent).toBe(2);
    expect(queue.state.isRetrying).toBe(true);
    expect(await outbox.all("pantry/1")).toHaveLength(2);

    server.isOnline = true;
    await queue.wake();
    await settle();

    expect([...server.counted.values()].map((b) => b.labels[0])).toEqual(["milk", "rice"]);
    expect(queue.state.unsent).toBe(0);
    expect(queue.state.isRetrying).toBe(false);
    expect(await outbox.all("pantry/1")).toHaveLength(0);
  });

  test("waits, not done, when the images in hand run out", async () => {
    const { label, queue, server } = await desk();
    server.isOnline = false;

    for (let n = 0; n < 3; n += 1) await label("milk");

    expect(queue.state.phase).toBe("waiting");
    expect(queue.state.unsent).toBe(3);
  });

  test("an answer given while another is on its way follows it", async () => {
    const { queue, clock, server } = await desk();
    await clock.pass(MIN_LOOK_MS);
    for (let turns = 0; turns < 12; turns += 1) {
      const before = server.counted.size;
      queue.answer({ kind: "SKIP" });
      for (let n = 0; n < turns; n += 1) await Promise.resolve();
      await clock.pass(MIN_LOOK_MS);
      queue.answer({ kind: "SKIP" });
      await clock.pass(MIN_LOOK_MS);
      if (queue.state.phase === "done") break;
      expect(server.counted.size).toBe(before + 2);
    }

    expect(queue.state.unsent).toBe(0);
  });

  test("tries again by itself, ever less often", async () => {
    const { label, clock, server } = await desk();
    server.isOnline = false;
    await label("milk");
    const tries = [server.posts.length];
    for (const wait of [1000, 1000, 1000, 4000]) {
      await clock.pass(wait);
      tries.push(server.posts.length);
    }

    expect(tries).toEqual([1, 2, 2, 3, 4]);
  });

  test("sends the same key and body again when a reply was lost: one answer", async () => {
    const { label, clock, server, queue } = await desk();
    server.losesReplies = 1;

    await label("milk");
    await clock.pass(1000);

    expect(server.posts).toHaveLength(2);
    expect(server.posts[1]).toEqual(server.posts[0]);
    expect(server.counted.size).toBe(1);
    expect(queue.state.unsent).toBe(0);
  });

  test("a reload sends what the last visit left, and does not show those images again", async () => {
    const first = await desk();
    first.server.isOnline = false;
    await first.label("milk");
    first.queue.close();

    first.server.isOnline = true;
    const second = await desk({ outbox: first.outbox, server: first.server, clock: first.clock });

    expect(first.server.counted.size).toBe(1);
    expect(second.current()).toBe("image 2");
    expect(await first.outbox.all("pantry/1")).toHaveLength(0);
  });
});

describe("refusals", () => {
  test("an image that expired and went to somebody else is told and set aside", async () => {
    const { label, queue, server, current } = await desk();
    const { answer } = server;
    server.answer = async (body) => {
      server.answer = answer;
      throw new ApiError("assignment_expired", `${body.assignment} expired`, 409);
    };

    await label("milk");

    expect(queue.state.notice).toContain("went to somebody else");
    expect(queue.state.unsent).toBe(0);
    expect(queue.state.canUndo).toBe(false);
    expect(current()).toBe("image 2");
  });

  test("one refused answer does not hold up those behind it", async () => {
    const { label, server, queue } = await desk();
    server.isOnline = false;
    await label("milk");
    await label("rice");
    server.isOnline = true;
    const answer = server.answer.bind(server);
    server.answer = async (body) => {
      if (body.labels[0] === "milk") throw new ApiError("key_reused", "other body", 409);
      return answer(body);
    };

    await queue.wake();

    expect([...server.counted.values()].map((b) => b.labels[0])).toEqual(["rice"]);
    expect(queue.state.unsent).toBe(0);
  });

  test("a paused project keeps the answer and sends it when it opens again", async () => {
    const { label, clock, server, queue, outbox } = await desk({ images: 1 });
    server.refusal = new ApiError("paused", "Labeling is paused.", 409);
    await label("milk");
    expect(queue.state.done?.message).toBe("Labeling is paused.");
    expect(queue.state.phase).toBe("done");
    expect(await outbox.all("pantry/1")).toHaveLength(1);

    server.refusal = null;
    await clock.pass(30_000);

    expect(server.counted.size).toBe(1);
  });

  test("someone who has not joined is told so; the answer waits for them", async () => {
    const { label, server, queue, outbox } = await desk();
    server.refusal = new ApiError("not_joined", "Please join first.", 403);
    await label("milk");
    expect(queue.state.phase).toBe("blocked");
    expect(await outbox.all("pantry/1")).toHaveLength(1);

    server.refusal = null;
    await queue.wake();

    expect(server.counted.size).toBe(1);
    expect(queue.state.phase).toBe("labeling");
  });
});

test("a picture that gave up without a network is fetched again when it is back", async () => {
  const { queue, loader, clock, label } = await desk();
  loader.broken.add("/image 4");
  await label("milk");
  for (let second = 0; second < 6; second += 1) await clock.pass(1000);
  await label("milk");
  await label("milk");
  expect(queue.state.picture?.status).toBe("failed");

  loader.broken.clear();
  await queue.wake();
  await settle();

  expect(queue.state.picture?.status).toBe("ready");
});

describe("expiry", () => {
  test("renewing moves the expiry of everything in hand", async () => {
    const { queue, clock, server } = await desk();
    await clock.pass(200_000);

    await queue.renew();
    await clock.pass(200_000);
    await queue.wake();

    expect(server.renewals).toBe(1);
    expect(queue.state.upcoming).toHaveLength(2);
    expect(server.claims).toBe(1);
  });

  test("images that expired while the page slept are asked for anew", async () => {
    const { queue, clock, server } = await desk();
    server.release();
    await clock.pass(301_000);

    await queue.wake();

    expect(queue.state.current?.id).toBe("image 4");
  });

  test("leaving gives images back, but never while answers are on their way", async () => {
    const { queue, server, label } = await desk();
    server.isOnline = false;
    await label("milk");
    queue.leave();
    expect(server.releases).toBe(0);

    server.isOnline = true;
    await queue.wake();
    queue.leave();

    expect(server.releases).toBe(1);
  });
});

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

describe("the first round", () => {
  const word = (done: number, isRight: boolean): Practice => ({
    is_right: isRight,
    said: { code: "milk", name: "Milk" },
    label: isRight ? { code: "milk", name: "Milk" } : { code: "soy", name: "Soy milk" },
    note: "",
    example_url: null,
    done,
    of: 3,
    is_last: done === 3,
  });
  const newcomer = async (...words: Practice[]) => {
    const all = await desk({ onboarding: { done: 0, of: 3 } });
    all.server.practice.push(...words);
    return all;
  };

  test("waits for the word on an answer before the next image may be answered", async () => {
    const { queue, clock, server } = await newcomer(word(1, true));
    await clock.pass(MIN_LOOK_MS);
    queue.answer({ kind: "LABEL", labels: ["milk"] });

    expect(queue.state.isChecking).toBe(true);
    await clock.pass(0);
    expect(queue.state.isChecking).toBe(false);
    expect(server.counted.size).toBe(1);
  });

  test("a right answer gets a line and no stop", async () => {
    const { queue, label } = await newcomer(word(1, true));
    await label("milk");

    expect(queue.state.feedback).toBeNull();
    expect(queue.state.previous?.practice?.is_right).toBe(true);
    expect(await label("rice")).toBe(true);
  });

  test("a wrong one stops until it has been read", async () => {
    const { queue, label } = await newcomer(word(1, false));
    await label("milk");

    expect(queue.state.feedback?.practice?.label.name).toBe("Soy milk");
    expect(await label("rice")).toBe(false);
    queue.goOn();
    expect(await label("rice")).toBe(true);
  });

  test("reading is not time spent on the next image", async () => {
    const { queue, label, clock, server } = await newcomer(word(1, false));
    await label("milk");
    await clock.pass(60_000);
    queue.goOn();
    await label("rice");

    expect(server.posts[1]?.time_spent_ms).toBe(MIN_LOOK_MS);
  });

  test("its last word is a stop even when right; afterwards nothing waits", async () => {
    const { queue, label, clock } = await newcomer(word(3, true));
    await label("milk");
    expect(queue.state.feedback?.practice?.is_last).toBe(true);
    queue.goOn();

    await clock.pass(MIN_LOOK_MS);
    queue.answer({ kind: "LABEL", labels: ["rice"] });
    expect(queue.state.isChecking).toBe(false);
    expect(queue.state.current?.id).toBe("image 3");
  });

  test("who is signed out meanwhile is told so, not left waiting for the word", async () => {
    const { queue, label, server } = await newcomer(word(1, true));
    server.refusal = new ApiError("not_joined", "Join first.", 403);
    await label("milk");

    expect([queue.state.phase, queue.state.isChecking]).toEqual(["blocked", false]);
  });

  test("without a network the answers are kept and their words come later, one by one", async () => {
    const { queue, label, server, clock } = await newcomer(word(1, false), word(2, false));
    server.isOnline = false;
    await label("milk");
    expect(await label("rice")).toBe(true);

    server.isOnline = true;
    await clock.pass(1000);
    expect(queue.state.feedback?.labels).toEqual(["milk"]);
    queue.goOn();
    expect(queue.state.feedback?.labels).toEqual(["rice"]);
  });
});

test("who is paused meanwhile has nothing in hand, and the page says why", async () => {
  const { queue, label, server } = await desk();
  server.isPersonPaused = true;
  await label("milk");

  expect(queue.state.phase).toBe("done");
  expect(queue.state.done?.message).toBe("Paused for now.");
  expect(queue.state.current).toBeNull();
});
