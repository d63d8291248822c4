import { cleanup, fireEvent, render, screen } from "@testing-library/preact";
import { afterEach, expect, test } from "vitest";
import { JumpList } from "./JumpList";

afterEach(cleanup);

test("lists the headings that are there when it is opened, and goes to one", () => {
  render(
    <>
      <JumpList />
      <main>
        <h2>Accuracy</h2>
        <dialog>
          <h2>A question</h2>
        </dialog>
        <h2>How it went</h2>
      </main>
    </>,
  );
  const list = screen.getByText("On this page").closest("details") as HTMLDetailsElement;

  list.open = true;
  fireEvent(list, new Event("toggle"));
  const names = screen.getAllByRole("button").map((one) => one.textContent);
  fireEvent.click(screen.getByRole("button", { name: "How it went" }));

  expect(names).toEqual(["Accuracy", "How it went"]);
  expect(document.activeElement).toBe(screen.getByRole("heading", { name: "How it went" }));
});
