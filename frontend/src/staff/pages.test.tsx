import { cleanup, render, screen } from "@testing-library/preact";
import { afterEach, describe, expect, test } from "vitest";
import { AccuracyTile, measuredSentence } from "./AccuracyTile";
import { endedBecause } from "./Invitations";
import { fateOf } from "./LabelRow";
import { matching } from "./LabelsPage";
import {
  acceptedSentence,
  answersSentence,
  CountsTile,
  NextStep,
  openSentence,
} from "./OverviewTiles";
import { namesIn } from "./ProjectList";
import type { Invitation } from "./people/types";
import { managed } from "./session";
import { GROUPS, groupId, sent, shown } from "./settings";
import type { Estimate, Overview, StaffLabel } from "./types";

afterEach(cleanup);

const NOTHING_LEFT_OUT = { pending: 0, audit_twins: 0, excluded: 0, flagged: 0, removed: 0 };
const LABELS: Overview["labels"] = {
  resolved: 0,
  pool: 10,
  audit_resolved: 0,
  audit_total: 2,
  answers: 4,
  images: 12,
  not_counted: NOTHING_LEFT_OUT,
};
const ESTIMATE: Estimate = {
  estimate: 0.68,
  low: 0.52,
  high: 0.8,
  n: 40,
  unresolved: 0,
  missing: 43,
};

describe("the accuracy in words", () => {
  test("gives interval, number and what is missing", () => {
    expect(measuredSentence(ESTIMATE)).toBe(
      "Between 52–80 % with 95 % confidence, from 40 audit images. About 43 more would give ±10 points.",
    );
  });

  test("says how many answers are missing where nothing is measured", () => {
    expect(measuredSentence({ ...ESTIMATE, estimate: null, n: 0, missing: 96 })).toContain(
      "about 96 audit images need answers",
    );
  });

  test("tells that images that are not settled count both ways, and what they wait for", () => {
    const one = { ...ESTIMATE, unresolved: 1, missing: 0 };
    const open = { answers: 0, expert: 1, none_fits: 0, unseen: 0 };

    expect(measuredSentence(one)).toContain(
      "1 audit image is not settled and counts both as right and as wrong.",
    );
    expect(measuredSentence(one, open)).toContain("(waiting: 1 for an expert's look)");
  });
});

describe("an accuracy that rests on fewer than ten answers", () => {
  const few = { ...ESTIMATE, estimate: 2 / 3, low: 0.21, high: 0.94, n: 3, missing: 86 };

  function tile(overall: Estimate, macro: number | null = 0.5) {
    const { accuracy } = overview({});
    const found = overview({ accuracy: { ...accuracy, overall, macro } });
    return render(<AccuracyTile overview={found} slug="shelf" />).container;
  }

  test("is told in words, without a large figure or an interval", () => {
    const found = tile(few);

    expect(found.textContent).toContain("2 of 3 right so far; too few to say.");
    expect(found.textContent).toContain(
      "About 86 more would give ±10 points (a guess, from 3 so far).",
    );
    expect(found.querySelector(".figure, .whisker")).toBeNull();
    expect(found.textContent).not.toMatch(/\d %/);
  });

  test("becomes a figure with the tenth", () => {
    expect(tile({ ...few, n: 9 }).querySelector(".figure")).toBeNull();
    expect(tile({ ...few, n: 10 }).querySelector(".figure")?.textContent).toBe("67 %");
  });

  test("is unknown where there is none, never 0 %", () => {
    const found = tile({ ...ESTIMATE, estimate: null, n: 0 }, null);

    expect(found.querySelector(".figure")?.textContent).toBe("unknown");
    expect(found.querySelector(".figure")?.getAttribute("data-pale")).toBe("true");
  });
});

describe("the images counted", () => {
  test("are explained where more were put in, reason by reason", () => {
    const not_counted = { ...NOTHING_LEFT_OUT, audit_twins: 3, removed: 1 };
    const labels = { ...LABELS, images: 16, not_counted };
    const { container } = render(<CountsTile overview={overview({ labels })} />);

    expect(screen.getByText("4 of 16 images not counted here")).toBeTruthy();
    const reasons = [...container.querySelectorAll("details dl > div")];
    expect(reasons.map((row) => row.textContent)).toEqual([
      "near copies of an audit image: one of each group is measured3",
      "taken out1",
    ]);
  });

  test("say nothing more where all are counted", () => {
    const { container } = render(<CountsTile overview={overview({})} />);

    expect(container.querySelector("details")).toBeNull();
  });
});

describe("audit images that wait for other people", () => {
  function tile(change: Partial<Overview["labels"]>, answers = 12) {
    const { accuracy } = overview({});
    const open = { answers, expert: 0, none_fits: 0, unseen: 0 };
    const labels = { ...LABELS, audit_asked: 2, people_active: 2, people_days: 14, ...change };
    const found = overview({ accuracy: { ...accuracy, open }, labels });
    return render(<AccuracyTile overview={found} slug="shelf" />).container;
  }

  test("are counted, and the setting that helps is a click away", () => {
    const found = tile({});

    expect(found.textContent).toContain(
      "12 audit images wait for another person's answer: each is asked of 2, because 2 people have answered in the last 14 days.",
    );
    const remedy = screen.getByRole("link", { name: "let one answer settle an audit image" });
    expect(remedy.getAttribute("href")).toBe("/staff/shelf/settings#setting-votes_audit");
  });

  test("wait for fewer people where one answer would do and leaves doubt", () => {
    expect(tile({ audit_asked: 1 }).textContent).toContain("leaves too much doubt, and 2 people");
    const remedy = screen.getByRole("link", { name: "count people as active for fewer days" });
    expect(remedy.getAttribute("href")).toBe("/staff/shelf/settings#setting-active_annotator_days");
  });

  test("are nothing to mend where one person answers, where many do, or where none waits", () => {
    const one = { audit_asked: 1, people_active: 1 };
    for (const found of [tile(one), tile({ people_active: 10 }), tile({}, 0)]) {
      expect(found.textContent).not.toContain("another person");
    }
  });
});

test("labels that came with the pictures are told as such", () => {
  const { accuracy } = overview({});
  const measured = { ...accuracy, overall: { ...ESTIMATE, n: 20 } };
  const tile = (came_with_pictures: boolean) =>
    render(
      <AccuracyTile
        overview={overview({ accuracy: { ...measured, came_with_pictures } })}
        slug="shelf"
      />,
    ).container.textContent;

  expect(tile(true)).toContain("Its labels came with the pictures; nobody was asked.");
  expect(tile(false)).not.toContain("came with");
});

test("skips are named apart from the answers", () => {
  expect(answersSentence(LABELS)).toBe("4 answers in all.");
  expect(answersSentence({ ...LABELS, answers: 1204, skips: 37 })).toBe(
    "1,204 answers in all, and 37 skips.",
  );
});

test("images with an answer that settles nothing yet are counted, and why", () => {
  expect(openSentence(LABELS)).toBe("");
  expect(openSentence({ ...LABELS, pool_open: 1 })).toContain(
    "1 image to learn from has an answer and waits for another: one alone leaves too much doubt",
  );
});

test("a bar that no answer reaches is told as such, not as 200 %", () => {
  expect(acceptedSentence(0.7)).toBe("An answer counts as accepted from 70 % on.");
  expect(acceptedSentence(2)).toContain("no answer counts as accepted");
});

function overview(change: Partial<Overview>): Overview {
  const accuracy = {
    version: null,
    overall: ESTIMATE,
    macro: null,
    per_source: [],
    per_class: [],
    rests_on_one_person: false,
  };
  const project = { slug: "shelf", name: "Shelf", mode: "SINGLE" };
  return {
    project: { ...project, labeling_paused: false, training_paused: false },
    champion: null,
    accuracy,
    labels: LABELS,
    queue: { by_reason: {} },
    training: { active: [], paused: false, budget: { month_spent: 0, month_limit: 10 } },
    embedding: { done: 12, total: 12 },
    ...change,
  };
}

describe("the next step", () => {
  test("is images where there are none", () => {
    const empty = overview({ embedding: { done: 0, total: 0 } });
    render(<NextStep overview={empty} slug="shelf" />);

    const link = screen.getByRole("link", { name: "Add the first ones" });
    expect(link.getAttribute("href")).toBe("/staff/shelf/images");
  });

  test("is people where nobody has answered", () => {
    const labels = { ...LABELS, answers: 0 };
    render(<NextStep overview={overview({ labels })} slug="shelf" />);

    expect(screen.getByRole("link", { name: "Invite people" })).toBeTruthy();
  });

  test("is nothing once the project runs", () => {
    const { container } = render(<NextStep overview={overview({})} slug="shelf" />);

    expect(container.textContent).toBe("");
  });
});

test("a link ends by hand, by time or by use", () => {
  const link: Invitation = {
    id: "1",
    role: "VOLUNTEER",
    created_at: "2026-03-01T12:00:00Z",
    expires_at: "2026-03-10T12:00:00Z",
    use_limit: 5,
    uses: 4,
    revoked_at: null,
  };
  const now = Date.parse("2026-03-05T12:00:00Z");

  expect(endedBecause(link, now)).toBe("");
  expect(endedBecause({ ...link, revoked_at: "2026-03-02T12:00:00Z" }, now)).toBe("withdrawn");
  expect(endedBecause(link, Date.parse("2026-03-10T12:00:00Z"))).toBe("expired");
  expect(endedBecause({ ...link, uses: 5 }, now)).toBe("used up");
});

test("labels are found by name or code, whatever the case", () => {
  const label = (code: string, name: string) =>
    ({ code, name, became: [] }) as unknown as StaffLabel;
  const labels = [label("green-bottle", "Glass bottle"), label("milk", "Milk")];

  expect(matching(labels, "GREEN")).toEqual([labels[0]]);
  expect(matching(labels, " milk ")).toEqual([labels[1]]);
  expect(matching(labels, "")).toEqual(labels);
});

test("a label that was merged away leads to what it is a part of now", () => {
  const label = (code: string, name: string, became: string[]) =>
    ({ code, name, became }) as StaffLabel;
  const milk = label("milk", "Milk", []);
  const soy = label("soy", "Soy drink", ["milk"]);

  expect(matching([milk, label("tea", "Tea", []), soy], "soy")).toEqual([milk, soy]);
  expect(fateOf(["Milk"])).toBe("now part of Milk");
  expect(fateOf(["Oat", "Cow", "Goat"])).toBe("split into Oat, Cow and Goat");
  expect(fateOf([])).toBe("retired");
});

test("names of a new project fall apart at commas and lines, each once", () => {
  expect(namesIn("rice, pasta\n\nbeans, rice,")).toEqual(["rice", "pasta", "beans"]);
});

test("experts and volunteers have no staff room", () => {
  const project = (role: string) => ({ slug: role, name: role, role });
  const projects = ["VOLUNTEER", "EXPERT", "MANAGER", "OWNER"].map(project);

  expect(managed({ user: null, projects }).map((one) => one.role)).toEqual(["MANAGER", "OWNER"]);
});

describe("settings", () => {
  test("stand under a heading each, none twice, and an address leads to one", () => {
    const names = GROUPS.flatMap(({ fields }) => fields.map(({ name }) => name));
    const headings = GROUPS.map(({ title }) => groupId(title));

    expect(new Set(names).size).toBe(names.length);
    expect(new Set(headings).size).toBe(GROUPS.length);
    expect(Math.max(...GROUPS.map(({ fields }) => fields.length))).toBeLessThan(7);
    expect(names).toContain("votes_audit");
  });

  test("shares are shown and typed in hundredths", () => {
    expect(shown("share", 0.15)).toBe(15);
    expect(sent({ kind: "share" }, "12.5")).toBe(0.125);
  });

  test("what is no number is not sent", () => {
    expect(sent({ kind: "count" }, "")).toBeUndefined();
    expect(sent({ kind: "share", isOptional: true }, " ")).toBeNull();
    expect(sent({ kind: "count" }, "3")).toBe(3);
  });

  test("text and switches go as they are", () => {
    expect(sent({ kind: "text" }, "12")).toBe("12");
    expect(sent({ kind: "switch" }, false)).toBe(false);
  });
});
