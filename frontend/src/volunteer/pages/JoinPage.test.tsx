import { cleanup, fireEvent, render, screen } from "@testing-library/preact";
import { LocationProvider, Route, Router } from "preact-iso";
import { afterEach, expect, test, vi } from "vitest";
import type { InvitationView, Session } from "../../api/types";
import { whoIsHere } from "../whoIsHere";
import { JoinPage } from "./JoinPage";
import { NotFoundPage } from "./NotFoundPage";

const INVITATION: InvitationView = {
  project: {
    slug: "pantry",
    name: "Pantry shelf",
    description: "",
    guide: "",
    consent: "We keep your name.",
    licence: "CC0",
  },
  role: "VOLUNTEER",
  valid: true,
};
const NOBODY: Session = { user: null, annotators: [], projects: [] };
const SAM: Session = {
  ...NOBODY,
  annotators: [{ project: "pantry", project_name: "Pantry shelf", id: 1, display_name: "Sam" }],
};
const MORGAN = { id: 1, username: "morgan", display_name: "", is_superuser: false };

function serve(invitation: InvitationView, session: Session) {
  const joined = {
    annotator: { id: 2, display_name: "Kim" },
    resume_url: "/resume/x",
    project: "pantry",
  };
  const answer = vi.fn(async (path: string) => {
    const body = path.endsWith("/accept")
      ? joined
      : path.endsWith("/session")
        ? session
        : invitation;
    return new Response(JSON.stringify(body), {
      headers: { "Content-Type": "application/json" },
    });
  });
  vi.stubGlobal("fetch", answer);
  return answer;
}

function open() {
  history.replaceState(null, "", "/join/secret");
  render(
    <LocationProvider>
      <Router>
        <Route path="/join/:token" component={JoinPage} />
        <Route default component={NotFoundPage} />
      </Router>
    </LocationProvider>,
  );
}

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

test("who has joined in this browser is asked to go on, and not to join again", async () => {
  serve(INVITATION, SAM);
  open();

  const onward = await screen.findByRole("link", { name: "Continue as Sam" });

  expect(onward.getAttribute("href")).toBe("/label/pantry");
  expect(screen.queryByLabelText("What should we call you?")).toBeNull();
});

test("somebody else joins by the same link, and not under the first one's name", async () => {
  const asked = serve(INVITATION, SAM);
  open();
  fireEvent.click(await screen.findByRole("button", { name: "I am somebody else" }));
  const name = await screen.findByLabelText("What should we call you?");
  fireEvent.click(screen.getByRole("checkbox"));

  fireEvent.input(name, { target: { value: " sam " } });
  fireEvent.click(screen.getByRole("button", { name: "Join" }));
  expect(await screen.findByText(/Sam has joined on this device already/)).toBeTruthy();
  expect(asked.mock.calls.some(([path]) => path.endsWith("/accept"))).toBe(false);

  fireEvent.input(name, { target: { value: "Kim" } });
  fireEvent.click(screen.getByRole("button", { name: "Join" }));
  expect(await screen.findByText("Welcome, Kim")).toBeTruthy();
});

test("a withdrawn link still leads on who has joined", async () => {
  serve({ ...INVITATION, valid: false, reason: "This invitation was withdrawn." }, SAM);
  open();

  const onward = await screen.findByRole("link", { name: "Continue as Sam" });

  expect(onward.getAttribute("href")).toBe("/label/pantry");
  expect(screen.queryByRole("button", { name: "I am somebody else" })).toBeNull();
});

test("a stranger gets the form at once", async () => {
  serve(INVITATION, NOBODY);
  open();

  expect(await screen.findByLabelText("What should we call you?")).toBeTruthy();
  expect(screen.queryByRole("link", { name: /Continue as/ })).toBeNull();
});

test("an invitation that gives more than one has is taken up", () => {
  const expert = { ...INVITATION, role: "EXPERT" as const };
  const member = { slug: "pantry", name: "Pantry shelf", role: "MANAGER" as const };

  expect(whoIsHere(expert, SAM)).toBeNull();
  expect(whoIsHere(expert, { ...NOBODY, user: MORGAN, projects: [member] })).toEqual({
    name: "morgan",
    hasJoined: false,
    isSignedIn: true,
  });
  expect(
    whoIsHere(expert, { ...NOBODY, user: MORGAN, projects: [{ ...member, role: "VOLUNTEER" }] }),
  ).toBeNull();
  expect(whoIsHere(INVITATION, { ...SAM, user: { ...MORGAN, is_superuser: true } })).toEqual({
    name: "Sam",
    hasJoined: true,
    isSignedIn: true,
  });
});
