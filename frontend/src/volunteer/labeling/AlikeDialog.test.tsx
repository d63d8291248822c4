import { act, cleanup, fireEvent, render, screen } from "@testing-library/preact";
import { afterEach, expect, test, vi } from "vitest";
import type { Assignment } from "../../api/types";
import { AlikeDialog, storedWords, wordsFor } from "./AlikeDialog";

const OPENED = 5000;

/** Take the page down, effects and all. */
async function takeDown() {
  cleanup();
  await new Promise((done) => setTimeout(done, 50));
}

afterEach(async () => {
  await takeDown();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

function assignment(id: string): Assignment {
  const image = { id, url: `/${id}.jpg`, thumb_url: `/${id}-s.jpg`, width: 640, height: 640 };
  return { id, image, expires_at: "2026-03-01T12:00:00Z" };
}

/** A grid of three, opened at `OPENED`; gives the answers that were sent. */
async function openGrid() {
  HTMLDialogElement.prototype.showModal = function show(this: HTMLDialogElement) {
    this.open = true;
    this.querySelector("button")?.focus();
  };
  HTMLDialogElement.prototype.close = function close(this: HTMLDialogElement) {
    this.open = false;
  };
  const sent: unknown[] = [];
  vi.stubGlobal("fetch", async (url: string, init: RequestInit) => {
    if (url.endsWith("/alike")) {
      return new Response(JSON.stringify({ assignments: ["b", "c", "d"].map(assignment) }));
    }
    if (url.endsWith("/alike/answer")) {
      sent.push(JSON.parse(String(init.body)));
      return new Response(JSON.stringify({ annotations: [], lost: 0, progress: {} }));
    }
    return new Response(null, { status: 204 });
  });
  const givenBack = vi.spyOn(navigator, "sendBeacon").mockReturnValue(true);
  const onDone = vi.fn();
  render(
    <AlikeDialog
      slug="shelf"
      offer={{
        key: "a",
        image: assignment("a").image,
        kind: "LABEL",
        labels: ["avocado"],
        annotation: "a",
        assignment: null,
        sentence: null,
        practice: null,
      }}
      label="Avocado"
      clock={() => OPENED}
      onOpen={() => {}}
      onDone={onDone}
    />,
  );
  const heading = await screen.findByRole("heading", { name: "Is this all Avocado?" });
  await vi.waitFor(() => expect(document.activeElement).toBe(heading));
  return {
    sent,
    onDone,
    givenBack,
    heading,
    confirm: screen.getByRole("button", { name: /^Yes, all 3/ }),
  };
}

function at<E extends Event>(ms: number, event: E): E {
  Object.defineProperty(event, "timeStamp", { value: OPENED + ms });
  return event;
}

/** A key as a browser takes it: Enter and Space press the focused button unless prevented. */
function press(ms: number, key: string, change: KeyboardEventInit = {}): void {
  const target = document.activeElement ?? document.body;
  const down = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...change });
  const isAllowed = fireEvent(target, at(ms, down));
  if (isAllowed && /^(Enter| )$/.test(key) && target instanceof HTMLButtonElement) {
    fireEvent(target, at(ms, new MouseEvent("click", { bubbles: true, cancelable: true })));
  }
}

function tap(ms: number, target: Element): void {
  const how = { bubbles: true, cancelable: true, detail: 1 };
  if (fireEvent(target, at(ms, new MouseEvent("mousedown", how)))) {
    if (target instanceof HTMLElement) target.focus();
  }
  fireEvent(target, at(ms, new MouseEvent("click", how)));
}

/** Each thumbnail is there, by the clock of its event. */
function thumbnailsLoad(ms: number): void {
  for (const image of document.querySelectorAll(".alike-tile > img")) {
    fireEvent(image, at(ms, new Event("load")));
  }
}

const sending = () => act(() => new Promise<void>((done) => setTimeout(done)));

test("what is typed on for the next picture confirms nothing, however late", async () => {
  const { sent, onDone, heading } = await openGrid();

  for (const key of "leek") press(250, key);
  press(300, "Enter");
  thumbnailsLoad(400);
  for (const key of "sea kale") press(2600, key);
  press(2700, "Enter");
  await sending();

  expect(sent).toEqual([]);
  expect(onDone).not.toHaveBeenCalled();
  expect(document.activeElement).toBe(heading);
  expect(screen.getByText(/confirms, once you have seen them all/).textContent).toContain("Esc");
});

test("the button's own key confirms once all thumbnails were on the screen for a while", async () => {
  const { sent, confirm } = await openGrid();
  expect(confirm.getAttribute("aria-keyshortcuts")).toBe("Control+Enter");

  press(1500, "Enter", { ctrlKey: true }); // No thumbnail yet.
  thumbnailsLoad(2000);
  press(2900, "Enter", { ctrlKey: true });
  press(3100, "Enter", { ctrlKey: true, repeat: true });
  await sending();
  expect(sent).toEqual([]);

  press(3100, "Enter", { ctrlKey: true });
  await sending();
  expect(sent).toHaveLength(1);
});

test("a thumbnail that does not come is nothing one has seen", async () => {
  const { sent } = await openGrid();
  const [missing, ...others] = document.querySelectorAll(".alike-tile > img");
  for (const image of others) fireEvent(image, at(100, new Event("load")));
  if (missing) fireEvent(missing, at(100, new Event("error")));

  press(9000, "Enter", { ctrlKey: true });
  await sending();

  expect(sent).toEqual([]);
});

test("who moves to the button with Tab presses it with Enter or Space", async () => {
  const { sent, confirm } = await openGrid();

  press(500, "Tab");
  act(() => confirm.focus());
  press(700, " ", { repeat: true });
  await sending();
  expect(sent).toEqual([]);

  press(800, " ");
  await sending();
  expect(sent).toHaveLength(1);
});

test("focus that came to the button by itself confirms only what was seen", async () => {
  const { sent, confirm } = await openGrid();
  thumbnailsLoad(100);
  act(() => confirm.focus());

  press(300, "Enter");
  await sending();
  expect(sent).toEqual([]);

  press(1200, "Enter");
  await sending();
  expect(sent).toHaveLength(1);
});

test("a tap meant for the page below does nothing, a later one confirms at once", async () => {
  const { sent, onDone, confirm, heading } = await openGrid();

  tap(300, confirm);
  tap(320, screen.getByRole("button", { name: "Not now" }));
  tap(340, screen.getByRole("button", { name: "Picture 1: Avocado" }));
  await sending();
  expect(sent).toEqual([]);
  expect(onDone).not.toHaveBeenCalled();
  expect(document.activeElement).toBe(heading);

  tap(450, confirm);
  await sending();
  expect(sent).toMatchObject([{ ticked: [{}, {}, {}], unticked: [] }]);
});

test("a grid whose answer was taken back meanwhile gives its pictures back, once", async () => {
  const { givenBack } = await openGrid();

  await takeDown();

  expect(givenBack).toHaveBeenCalledOnce();
});

test("a grid that was confirmed gives nothing back", async () => {
  const { confirm, onDone, givenBack } = await openGrid();
  tap(2000, confirm);
  await vi.waitFor(() => expect(onDone).toHaveBeenCalled());

  await takeDown();

  expect(givenBack).not.toHaveBeenCalled();
});

test("the button says what it confirms, and never the answer that no label fits", () => {
  expect(wordsFor(5, 5, "Apple")).toBe("Yes, all 5 are Apple");
  expect(wordsFor(4, 5, "Apple")).toBe("Only these 4 are Apple");
  expect(wordsFor(1, 5, "Apple")).toBe("Only this one is Apple");
  expect(wordsFor(0, 5, "Apple")).toBe("Something else, all of them");
});

test("afterwards it is said for how many pictures the answer was stored", () => {
  expect(storedWords(5, 0)).toBe("Stored for 5 pictures.");
  expect(storedWords(1, 0)).toBe("Stored for 1 picture.");
  expect(storedWords(4, 1)).toBe("Stored for 4 pictures. 1 went to somebody else meanwhile.");
  expect(storedWords(0, 0)).toBe("Nothing stored. You are asked about them one by one.");
  expect(storedWords(0, 2)).toBe("Nothing stored. 2 went to somebody else meanwhile.");
});
