import { cleanup, render, screen } from "@testing-library/preact";
import { afterEach, expect, test, vi } from "vitest";
import { SessionContext } from "../session";
import { PersonPanel } from "./PersonPanel";
import type { PersonDetail } from "./types";

const SHARE = { estimate: 0.8, low: 0.6, high: 0.92, n: 22.4 };

const ADA: PersonDetail = {
  id: "ada",
  display_name: "Ada",
  role: "VOLUNTEER",
  has_account: true,
  is_you: false,
  answers: 214,
  joined_at: "2026-03-01T12:00:00Z",
  last_seen_at: null,
  skill: SHARE,
  gold: { right: 0, wrong: 0, interval: null },
  paused: false,
  paused_reason: "",
  paused_at: null,
  pause_lifted_at: null,
  quarantined: true,
  quarantined_at: "2026-03-02T12:00:00Z",
  anonymised: false,
  onboarded: true,
  suggestions: { accepted_wrong: SHARE, same_without: { ...SHARE, estimate: null }, shown: 31 },
  by_label: [{ code: "milk", name: "Milk", interval: SHARE }],
  confused: [],
  events: [],
  recent: [],
  replay: null,
};

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

/** The panel of somebody, seen by a manager of the project or its owner. */
function show(detail: Partial<PersonDetail>, role = "MANAGER") {
  const person = { ...ADA, ...detail };
  vi.stubGlobal("fetch", async () => new Response(JSON.stringify(person)));
  const session = { user: null, projects: [{ slug: "shelf", name: "Shelf", role }] };
  render(
    <SessionContext.Provider value={{ session, reload: async () => {} }}>
      <PersonPanel base="staff/projects/shelf" person={person} floor={0.6} onChange={() => {}} />
    </SessionContext.Provider>,
  );
}

test("tells how far setting aside has come", async () => {
  show({ replay: { done: 3, total: 12 } });

  const bar = await screen.findByRole("progressbar", { name: "Images decided again" });
  expect(bar.getAttribute("aria-valuetext")).toBe("3 of 12");
  expect(screen.getByText("3 of 12 images")).toBeTruthy();
});

test("shows what guesses do to the answers, and what is unknown as such", async () => {
  show({});

  expect(await screen.findByText("Wrong guesses taken over")).toBeTruthy();
  expect(screen.getByText("Same mistake with no guess shown").parentElement?.textContent).toContain(
    "unknown",
  );
  expect(screen.queryByRole("progressbar")).toBeNull();
});

test("offers managers the roles they deal in, owners all, and nobody a role without a login", () => {
  const offered = () =>
    [...screen.getByLabelText<HTMLSelectElement>("Role").options].map((option) => option.value);

  show({});
  expect(offered()).toEqual(["VOLUNTEER", "EXPERT"]);
  cleanup();
  show({}, "OWNER");
  expect(offered()).toEqual(["VOLUNTEER", "EXPERT", "MANAGER", "OWNER"]);
  cleanup();
  show({ role: "OWNER" });
  expect(screen.getByLabelText<HTMLSelectElement>("Role").disabled).toBe(true);
  cleanup();
  show({ has_account: false });
  expect(screen.queryByLabelText("Role")).toBeNull();
});

test("names the labels of the last answers, whatever is known of them", async () => {
  const image = { id: "i", url: "", thumb_url: "", width: 1, height: 1 };
  const said = { said: "juice", said_name: "Orange juice", stands: "milk", stands_name: "Milk" };
  show({ by_label: [], recent: [{ image, kind: "LABEL", ...said, at: "2026-03-01T12:00:00Z" }] });

  expect(await screen.findByText("Orange juice")).toBeTruthy();
  expect(screen.getByText("stands: Milk")).toBeTruthy();
});

test("says that a label is not known yet where nothing was checked, behind those that are", async () => {
  const hardly = { estimate: 0.41, low: 0.02, high: 0.92, n: 0.3 };
  show({
    by_label: [
      { code: "asparagus", name: "Asparagus", interval: hardly },
      { code: "milk", name: "Milk", interval: SHARE },
    ],
  });

  await screen.findByText("Asparagus");
  const rows = screen.getAllByRole("row").slice(1);
  expect(rows.map((row) => row.querySelector("th")?.textContent)).toEqual(["Milk", "Asparagus"]);
  expect(rows[1]?.textContent).toContain("not known yet");
  expect(rows[1]?.textContent).not.toContain("%");
});
