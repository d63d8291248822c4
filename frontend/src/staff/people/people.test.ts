import { describe, expect, test } from "vitest";
import { columns, topOfErrors } from "../charts/agreement";
import { decimal } from "../charts/IntervalBars";
import { isDoubtful, servedWords } from "../gold/GoldPage";
import { merged } from "../ImagesPage";
import {
  eventWords,
  namedApart,
  nameOf,
  quarantineWords,
  recentWords,
  shareOf,
  sorted,
  standing,
} from "./people";
import type { Person, PersonEvent } from "./types";

function person(name: string, change: Partial<Person> = {}): Person {
  return {
    id: name,
    display_name: name,
    role: "VOLUNTEER",
    has_account: false,
    is_you: false,
    answers: 10,
    joined_at: "2026-03-01T12:00:00Z",
    last_seen_at: "2026-03-02T12:00:00Z",
    skill: { estimate: 0.9, low: 0.8, high: 0.95, n: 20 },
    gold: { right: 0, wrong: 0, interval: null },
    paused: false,
    paused_reason: "",
    paused_at: null,
    pause_lifted_at: null,
    quarantined: false,
    quarantined_at: null,
    anonymised: false,
    onboarded: true,
    suggestions: null,
    ...change,
  };
}

function names(people: Person[]): string[] {
  return people.map((one) => one.display_name);
}

describe("people of one name", () => {
  test("are numbered in the order they joined, and nobody else is", () => {
    const ada = (id: string, joined_at: string, name = "Ada") =>
      person(name, { id, joined_at: `2026-03-0${joined_at}T12:00:00Z` });
    const people = [ada("late", "3", " ada"), person("Bea"), ada("early", "1"), ada("mid", "2")];

    const found = namedApart(people);

    expect(found.map(nameOf)).toEqual([" ada (3 of 3)", "Bea", "Ada (1 of 3)", "Ada (2 of 3)"]);
    expect(found[1]).toBe(people[1]);
    expect(quarantineWords(found[3] as Person)[0]).toContain("of Ada (2 of 3) are set aside");
  });
});

describe("the order of people", () => {
  test("weakest is whose interval ends lowest; who is not known comes last", () => {
    const people = [
      person("unknown", { skill: null, answers: 99 }),
      person("strong"),
      person("surely weak", { skill: { estimate: 0.3, low: 0.2, high: 0.4, n: 50 } }),
      person("perhaps weak", { skill: { estimate: 0.3, low: 0.01, high: 0.9, n: 1 } }),
    ];

    expect(names(sorted(people, "weakest"))).toEqual([
      "surely weak",
      "perhaps weak",
      "strong",
      "unknown",
    ]);
  });

  test("by answers and by when they were last here", () => {
    const people = [
      person("old", { answers: 50, last_seen_at: "2026-01-01T12:00:00Z" }),
      person("never", { answers: 0, last_seen_at: null }),
      person("new", { answers: 5 }),
    ];

    expect(names(sorted(people, "answers"))).toEqual(["old", "new", "never"]);
    expect(names(sorted(people, "seen"))).toEqual(["new", "old", "never"]);
  });
});

test("a person's share is of all answers, and nothing of none", () => {
  const people = [person("a", { answers: 30 }), person("b", { answers: 10 })];

  expect(people.map((one) => shareOf(one, people))).toEqual([0.75, 0.25]);
  expect(shareOf(person("c", { answers: 0 }), [])).toBe(0);
});

describe("why somebody gets no images", () => {
  test("is nothing while they do", () => {
    expect(standing(person("Ada"), 0.6)).toBe("");
  });

  test("tells a pause by gold from one by staff", () => {
    const paused = { paused: true, paused_at: "2026-03-02T12:00:00Z" };

    expect(standing(person("Ada", { ...paused, paused_reason: "skill" }), 0.6)).toContain(
      "surely under the floor of 60 %",
    );
    expect(standing(person("Ada", { ...paused, paused_reason: "staff" }), 0.6)).toContain(
      "Paused by staff",
    );
  });

  test("setting aside outweighs a pause", () => {
    const both = { paused: true, quarantined: true, quarantined_at: "2026-03-02T12:00:00Z" };

    expect(standing(person("Ada", both), 0.6)).toContain("set aside");
  });
});

test("the question before setting aside names whose answers and how many", () => {
  const [first, ...rest] = quarantineWords(person("Ada", { answers: 1 }));

  expect(first).toBe("The 1 answer of Ada is set aside; nothing is deleted.");
  expect(rest.join(" ")).toContain("bring the answers back");
});

describe("what was done about somebody", () => {
  const event = (change: Partial<PersonEvent>): PersonEvent => ({
    at: "2026-03-02T12:00:00Z",
    verb: "annotator_paused",
    by: null,
    detail: {},
    ...change,
  });

  test("says by whom and why", () => {
    expect(eventWords(event({ by: "karl", detail: { reason: "staff", why: "Too fast." } }))).toBe(
      "Paused by karl: Too fast.",
    );
    expect(eventWords(event({ detail: { reason: "skill" } }))).toBe("Paused by the gold answers");
  });

  test("names the role, and reads a verb it has no words for", () => {
    const role = event({ verb: "role_set", by: "karl", detail: { role: "EXPERT" } });
    expect(eventWords(role)).toBe("Role changed to expert by karl");
    expect(eventWords(event({ verb: "link_renewed" }))).toBe("link renewed");
  });
});

describe("a recent answer", () => {
  const image = { id: "i", url: "", thumb_url: "" };
  const said = { said: "milk", said_name: "Milk", stands: "soy", stands_name: "Soy drink" };
  const answer = { image, kind: "LABEL", ...said, at: "" };
  const none = { said: null, said_name: null };

  test("shows what stands where that is another label", () => {
    expect(recentWords(answer)).toEqual({ said: "Milk", instead: "Soy drink" });
    expect(recentWords({ ...answer, stands: "milk", stands_name: "Milk" }).instead).toBeNull();
    expect(recentWords({ ...answer, stands: null, stands_name: null }).instead).toBeNull();
  });

  test("what is no vote contradicts nothing", () => {
    const skip = { ...answer, kind: "SKIP", ...none };
    expect(recentWords(skip)).toEqual({ said: "skipped", instead: null });
    const fits = { ...answer, kind: "NONE_OF_THESE", ...none };
    expect(recentWords(fits)).toEqual({ said: "none of these", instead: "Soy drink" });
  });

  test("an answer about one label says which answer it was", () => {
    expect(recentWords({ ...answer, kind: "NO" })).toEqual({ said: "Milk: no", instead: null });
  });
});

describe("how gold is served, in words", () => {
  const page = { n: 3, serving_share: 0, starts_at: 20, onboarding_images: 0 };

  test("tells what is missing", () => {
    expect(servedWords(page)).toContain("Once there are 17 more");
    expect(servedWords({ ...page, n: 25 })).toContain("At present none");
  });

  test("tells the share, and the first round", () => {
    const both = { ...page, n: 25, serving_share: 0.05, onboarding_images: 5 };
    expect(servedWords(both)).toBe(
      "Each newcomer begins with 5 of them and is told at once what is right. After that about 5 % of the images people get are gold; nobody is told which.",
    );
  });
});

test("a reference most people contradict is doubted, not a single slip", () => {
  expect(isDoubtful({ right: 0, wrong: 3 })).toBe(false);
  expect(isDoubtful({ right: 1, wrong: 3 })).toBe(true);
  expect(isDoubtful({ right: 3, wrong: 3 })).toBe(false);
});

test("pictures that come again are taken as they are now, in their place", () => {
  const one = (id: string, label: string) => ({ id, label });

  expect(merged([one("a", "old"), one("b", "old")], [one("b", "new"), one("c", "new")])).toEqual([
    one("a", "old"),
    one("b", "new"),
    one("c", "new"),
  ]);
});

describe("agreement over time", () => {
  const point = (at: string, alpha: number | null) => ({
    at,
    alpha,
    low: alpha === null ? 0 : alpha - 0.1,
    high: alpha === null ? 1 : alpha + 0.1,
    expected_error: 0.2,
  });

  test("stands in time, with a gap in line and band where it is not known", () => {
    const [at, alpha, low, high] = columns([
      point("2026-03-02T00:00:00Z", null),
      point("2026-03-01T00:00:00Z", 0.5),
    ]);

    expect((at[1] ?? 0) - (at[0] ?? 0)).toBe(24 * 3600);
    expect([alpha, low, high]).toEqual([
      [0.5, null],
      [0.4, null],
      [0.6, null],
    ]);
  });

  test("the scale of wrong labels never makes little look like much", () => {
    expect(topOfErrors([])).toBe(0.1);
    expect(topOfErrors([point("2026-03-01T00:00:00Z", 0.5)])).toBeCloseTo(0.22);
  });

  test("a figure has two places, a real minus, and no minus zero", () => {
    expect([0.812, -0.1, -0.001].map(decimal)).toEqual(["0.81", "−0.10", "0.00"]);
  });
});
