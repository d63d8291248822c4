import { cleanup, render, screen } from "@testing-library/preact";
import { afterEach, expect, test } from "vitest";
import { PersonRow } from "./PersonRow";
import type { Person } from "./types";

afterEach(cleanup);

const PERSON: Person = {
  id: "p1",
  display_name: "Ada",
  role: "VOLUNTEER",
  has_account: false,
  is_you: false,
  answers: 26,
  skips: 3,
  joined_at: "2026-03-01T12:00:00Z",
  last_seen_at: null,
  skill: { estimate: 0.86, low: 0.71, high: 0.95, n: 22.4 },
  gold: { right: 18, wrong: 2, interval: null },
  paused: false,
  paused_reason: "",
  paused_at: null,
  pause_lifted_at: null,
  quarantined: false,
  quarantined_at: null,
  anonymised: false,
  onboarded: true,
  suggestions: null,
};

function cells(person: Person): Record<string, string> {
  render(
    <table>
      <tbody>
        <PersonRow
          base="staff/projects/shelf"
          person={person}
          share={1}
          floor={0.6}
          isOpen={false}
          onToggle={() => {}}
          onChange={() => {}}
        />
      </tbody>
    </table>,
  );
  const row = screen.getByRole("row");
  const found = [...row.querySelectorAll<HTMLElement>("td")];
  return Object.fromEntries(
    found.map((cell) => [cell.dataset.head ?? "", (cell.textContent ?? "").trim()]),
  );
}

test("every figure has a column of its own: a share of answers is no skill", () => {
  const found = cells(PERSON);

  expect(found).toMatchObject({
    Answers: "263 skips",
    "Share of all answers": "100 %",
    Skill: "86 % 71–95 %",
    Checked: "22",
    "Gold right": "18 of 20 gold images right",
  });
});

test("somebody of whom nothing is known has no skill, and zero checked", () => {
  expect(cells({ ...PERSON, skips: 0, skill: null })).toMatchObject({
    Answers: "26",
    Skill: "not known yet",
    Checked: "0",
  });
});
