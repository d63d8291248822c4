import { act, render, screen } from "@testing-library/preact";
import { expect, test } from "vitest";
import { Toasts, toast } from "../Toast/Toast";
import { Dialog } from "./Dialog";

const page = (open: boolean) => (
  <>
    <Toasts />
    <Dialog open={open} title="Merge labels" onClose={() => {}}>
      <p>Choose two.</p>
    </Dialog>
  </>
);

test("says in the dialog what went wrong, and on the page once it is closed", async () => {
  HTMLDialogElement.prototype.showModal ??= function show(this: HTMLDialogElement) {
    this.open = true;
  };
  HTMLDialogElement.prototype.close ??= function close(this: HTMLDialogElement) {
    this.open = false;
  };
  const { rerender } = render(page(true));

  act(() => toast("There is a label of this name already.", "danger"));
  expect(screen.getByText(/already/).closest("dialog")).not.toBeNull();

  rerender(page(false));
  expect(screen.getByText(/already/).closest("dialog")).toBeNull();
});
