import { expect, test } from "vitest";
import { facts } from "./evidence";
import type { Version } from "./types";
import { mayServeAgain } from "./VersionsPage";

function version(change: Partial<Version> = {}): Version {
  return {
    id: "v",
    number: 3,
    kind: "HEAD",
    state: "RETIRED",
    evidence: "PROVISIONAL",
    verdict: "Better.",
    n_labels: 48,
    has_weights: true,
    created_at: "2026-03-01T12:00:00Z",
    promoted_at: "2026-03-01T12:00:00Z",
    metrics: { log_loss: 0.41, n_groups: 40 },
    gate: {},
    ...change,
  };
}

function say(one: Version): string {
  return facts(one)
    .map(({ what, says }) => `${what}: ${says}`)
    .join("\n");
}

test("what a version learned from stands in words", () => {
  expect(say(version())).toContain("Learned from: 48 labels, from 40 groups of related pictures");
});

test("a comparison says which way, how sure, and what is allowed", () => {
  const gate = {
    champion: 2,
    champion_log_loss: 0.5,
    n_compared: 48,
    difference: -0.09,
    difference_error: 0.03,
    tolerance: 0.02,
  };

  expect(say(version({ gate }))).toContain(
    "Version 2 on the same pictures: surprise 0.500, over 48 images",
  );
  expect(say(version({ gate }))).toContain(
    "Difference: 0.090 better, give or take 0.030; up to 0.02 worse is allowed",
  );
});

test("numbers that are missing or no numbers are left out, not guessed", () => {
  const found = facts(version({ metrics: {}, gate: { champion: 2, log_loss: null } }));

  expect(found).toEqual([{ what: "Learned from", says: "48 labels" }]);
});

test("the last proven version is named, with what both have right", () => {
  const leash = { proven: 4, n: 60, right: 46, proven_right: 45, margin: 0.02 };

  expect(say(version({ gate: { leash } }))).toContain(
    "Beside v4, the last proven one: right on 46 of 60 labeled images, v4 on 45; up to 2 points worse is allowed",
  );
  expect(facts(version({ gate: { leash: { proven: 4, is_common_ground: false } } }))).toHaveLength(
    2,
  );
});

test("audit evidence is told as a share of what a proof needs", () => {
  const gate = { certification: { superiority: 1.5, needed: 3, n: 40 } };

  expect(say(version({ gate }))).toContain("50 % of what a proof needs, from 40 audit images");
});

test("only a retired version with weights that served before may serve again", () => {
  expect(mayServeAgain(version())).toBe(true);
  expect(mayServeAgain(version({ state: "CHAMPION" }))).toBe(false);
  expect(mayServeAgain(version({ state: "REJECTED" }))).toBe(false);
  expect(mayServeAgain(version({ has_weights: false }))).toBe(false);
  expect(mayServeAgain(version({ promoted_at: null }))).toBe(false);
});
