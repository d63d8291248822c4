import { afterEach, expect, test, vi } from "vitest";
import type { ImageRef } from "../../api/types";
import { setGold, taskOf } from "./tasks";

const IMAGE: ImageRef = { id: "i1", url: "/i1", thumb_url: "/t/i1", width: 4, height: 3 };

afterEach(() => vi.unstubAllGlobals());

/** Answers by the end of the address; gives what was asked, in order. */
function server(answers: Record<string, unknown>): string[] {
  const asked: string[] = [];
  vi.stubGlobal("fetch", async (url: string, init?: RequestInit) => {
    const path = url.split("/projects/")[1];
    if (path === undefined) return new Response("{}"); // The session, for its cookie.
    asked.push(init?.body ? `${path} ${init.body}` : path);
    const found = Object.entries(answers).find(([end]) => path.split("?")[0]?.endsWith(end));
    return new Response(JSON.stringify(found?.[1] ?? {}));
  });
  return asked;
}

const DECIDED = {
  annotation: { id: "a1", kind: "LABEL", labels: ["milk"] },
  answers: [],
  left: 4,
  gold: { may_be_gold: true, why_not: null, is_gold: false },
};

test("a decision tells whether it may be kept as gold, and only a label may", async () => {
  server({ "expert/i1": DECIDED });
  const task = taskOf("settle", "shelf");

  expect((await task.decide(IMAGE, "LABEL", "milk")).decision.mayBeGold).toBe(true);
  expect((await task.decide(IMAGE, "CANT_TELL", null)).decision.mayBeGold).toBe(false);
});

test("taking back a decision that is gold withdraws the reference first", async () => {
  const asked = server({ "expert/i1": DECIDED });
  const task = taskOf("settle", "shelf");
  const { decision } = await task.decide(IMAGE, "LABEL", "milk");
  asked.length = 0;

  await task.takeBack({ ...decision, isGold: true });

  expect(asked.map((one) => one.split(" ")[0])).toEqual([
    "shelf/gold/withdraw",
    "shelf/annotations/a1/undo",
  ]);
});

test("choosing gold sets a reference and asks nothing of the questions", async () => {
  const asked = server({ gold: { n: 1, results: [{ image: "i1", status: "set" }] } });

  const { decision, left } = await taskOf("gold", "shelf").decide(IMAGE, "LABEL", "milk");

  expect(decision).toMatchObject({ isGold: true, annotation: null });
  expect(left).toBeNull();
  expect(asked).toEqual(['shelf/gold {"references":[{"image":"i1","label":"milk","note":""}]}']);
});

test("a reference that is refused is no success", async () => {
  const refused = { image: "i1", status: "refused", code: "audit_image", message: "It measures." };
  server({ gold: { n: 1, results: [refused] } });

  await expect(setGold("shelf", IMAGE, ["milk"], "")).rejects.toThrow("It measures.");
});

test("a picture that shows several things is settled with all of them", async () => {
  const asked = server({ "expert/i1": DECIDED });

  const { decision } = await taskOf("settle", "shelf").decide(IMAGE, "LABEL", "milk", [
    "milk",
    "juice",
  ]);

  expect(asked).toEqual(['shelf/expert/i1 {"kind":"LABEL","labels":["milk","juice"]}']);
  expect(decision.labels).toEqual(["milk", "juice"]);
});

test("gold of a picture that shows several things names all of them", async () => {
  const asked = server({ gold: { n: 1, results: [{ image: "i1", status: "set" }] } });

  const task = taskOf("gold", "shelf");
  const { decision } = await task.decide(IMAGE, "LABEL", "milk", ["milk", "juice"]);

  expect(decision.labels).toEqual(["milk", "juice"]);
  expect(asked).toEqual([
    'shelf/gold {"references":[{"image":"i1","label":"milk","further":["juice"],"note":""}]}',
  ]);
});
