import { act, cleanup, render, screen } from "@testing-library/preact";
import { afterEach, expect, test } from "vitest";
import { Toasts, toast } from "./Toast";

afterEach(cleanup);

test("of one topic only the newest word stays, so that quick answers pile nothing up", () => {
  render(<Toasts />);

  act(() => {
    toast("Key 3 is now for Milk", "plain", "key");
    toast("Stored.", "good");
    toast("Key 5 is now for Leek", "plain", "key");
  });

  expect(screen.queryByText("Key 3 is now for Milk")).toBeNull();
  expect(screen.getAllByRole("button", { name: "Close" })).toHaveLength(2);
  expect(screen.getByText("Key 5 is now for Leek")).toBeTruthy();
});
