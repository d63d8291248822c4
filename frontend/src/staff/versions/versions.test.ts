import { describe, expect, test } from "vitest";
import type { Version } from "../types";
import { folded, foldedWords, isSmall } from "./folding";
import type { Comparison } from "./types";
import { countsWords, evidenceShare, standing, title } from "./words";

function version(number: number, change: Partial<Version> = {}): Version {
  return {
    id: `id-${number}`,
    number,
    kind: "HEAD",
    state: "RETIRED",
    evidence: "PROVISIONAL",
    verdict: "",
    n_labels: 10 + number,
    has_weights: true,
    created_at: `2026-03-01T10:${String(number).padStart(2, "0")}:00`,
    promoted_at: "2026-03-01T10:00:00",
    metrics: {},
    gate: {},
    ...change,
  };
}

describe("small updates", () => {
  test("a run of them is one row, and what matters stays its own", () => {
    const rows = folded([
      version(6, { state: "CHAMPION" }),
      version(5),
      version(4, { state: "REJECTED", promoted_at: null }),
      version(3),
      version(2, { evidence: "PROVEN" }),
      version(1),
    ]);

    expect(
      rows.map((row) => ("folded" in row ? row.folded.map((v) => v.number) : row.version.number)),
    ).toEqual([6, [5, 4, 3], 2, 1]);
  });

  test("are told by when and how many, and how many were refused", () => {
    const run = [version(5), version(4, { state: "REJECTED", promoted_at: null }), version(3)];

    expect(foldedWords(run)).toBe(
      "3 small updates on 1 Mar 2026 between 10:03 and 10:05, v3 to v5; 1 was refused",
    );
  });

  test("are none of what was rolled back, fine-tuned, proven or waits", () => {
    expect(isSmall(version(1, { state: "REJECTED" }))).toBe(false);
    expect(isSmall(version(1, { kind: "FINETUNE" }))).toBe(false);
    expect(isSmall(version(1, { evidence: "PROVEN" }))).toBe(false);
    expect(isSmall(version(1, { state: "CHALLENGER" }))).toBe(false);
  });
});

describe("a test on the audit slice", () => {
  const comparison: Comparison = {
    kind: "CERTIFICATION",
    version: 4,
    version_kind: "HEAD",
    reference: null,
    always: "milk",
    ordinal: 1,
    decision: "RUNNING",
    wins: 5,
    losses: 2,
    n: 40,
    log_e: 1.5,
    needed: 6,
    fallen: [],
    sentence: "",
    looks: [],
    created_at: "",
    updated_at: "",
  };

  test("names what is compared with what", () => {
    expect(title(comparison)).toBe("v4, beside always answering “milk”");
    expect(title({ ...comparison, reference: 2 })).toBe("v4, beside v2");
    expect(title({ ...comparison, kind: "MONITOR", reference: 2 })).toBe("What serves, beside v2");
  });

  test("gives the share of the evidence that is needed, never below nothing", () => {
    expect(evidenceShare(comparison)).toBe(0.25);
    expect(evidenceShare({ ...comparison, log_e: -2 })).toBe(0);
    expect(evidenceShare({ ...comparison, needed: null })).toBe(null);
  });

  test("tells how many images the two differ on, once there are any", () => {
    expect(countsWords(comparison)).toBe("40 audit images: better on 5, worse on 2");
    expect(countsWords({ n: 0, wins: 0, losses: 0 })).toBe("no new audit image yet");
  });

  test("a monitor that ended has rolled something back", () => {
    expect(standing({ ...comparison, kind: "MONITOR", decision: "FAILED" }).words).toBe(
      "rolled back",
    );
    expect(standing({ ...comparison, decision: "FAILED" }).words).toBe("not proven");
  });
});
