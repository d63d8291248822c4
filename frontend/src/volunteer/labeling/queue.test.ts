import { describe, expect, test } from "vitest";
import { ApiError } from "../../api/errors";
import { MIN_LOOK_MS } from "./look";
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

test("who is paused meanwhile has nothing in hand, and the page says why", async () => {
  const { queue, label, server } = await desk();
  server.isPersonPaused = true;
  await label("milk");

  expect(queue.state.phase).toBe("done");
  expect(queue.state.done?.message).toBe("Paused for now.");
  expect(queue.state.current).toBeNull();
});
