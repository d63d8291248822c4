import { describe, expect, test } from "vitest";
import { ApiError } from "../../api/errors";
import type { Practice } from "../../api/types";
import { MIN_LOOK_MS } from "./look";
import { desk } from "./testing";

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
