import { cleanup, fireEvent, render, screen } from "@testing-library/preact";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { Practice } from "../../api/types";
import { PracticeCard, titleOf } from "./PracticeCard";
import type { Past } from "./queueState";
import { titleForDone } from "./Stage";

const SOY = { code: "soy", name: "Soy milk" };
const MILK = { code: "milk", name: "Milk" };

function past(change: Partial<Practice> = {}, kind: Past["kind"] = "LABEL"): Past {
  return {
    key: "k",
    image: { id: "i", url: "/i", thumb_url: "/t", width: 4, height: 3 },
    kind,
    labels: ["milk"],
    annotation: "a",
    assignment: null,
    sentence: "",
    practice: {
      is_right: false,
      said: MILK,
      label: SOY,
      note: "There is a bean on it.",
      example_url: "/example",
      done: 1,
      of: 5,
      is_last: false,
      ...change,
    },
  };
}

afterEach(cleanup);

describe("the word on an answer of the first round", () => {
  test("is kind about a wrong one, and calls nobody wrong who did not say", () => {
    expect(titleOf(past())).toBe("Not quite: this is Soy milk");
    expect(titleOf(past({ is_right: true, said: SOY }))).toBe("Right, this is Soy milk");
    expect(titleOf(past({ said: null }, "CANT_TELL"))).toBe("This is Soy milk");
    expect(titleOf(past({ said: null }, "NONE_OF_THESE"))).toBe("Not quite: this is Soy milk");
  });

  test("shows the guide's example where there is one, and waits with the focus on going on", () => {
    const onGoOn = vi.fn();
    render(<PracticeCard past={past()} src="/i" onGoOn={onGoOn} />);
    expect(screen.getByRole("img", { name: "Example of Soy milk" })).toBeTruthy();
    expect(screen.getByText("There is a bean on it.")).toBeTruthy();

    const button = screen.getByRole("button");
    expect(document.activeElement).toBe(button);
    fireEvent.click(button);
    expect(onGoOn).toHaveBeenCalledOnce();
    cleanup();

    render(<PracticeCard past={past({ example_url: null })} src="/i" onGoOn={onGoOn} />);
    expect(screen.getAllByRole("img")).toHaveLength(1);
  });

  test("the last one says that the round is over", () => {
    render(<PracticeCard past={past({ is_last: true })} src="/i" onGoOn={() => {}} />);

    expect(screen.getByText(/That was your first round/)).toBeTruthy();
    expect(screen.queryByText(/Nobody gets them all/)).toBeNull();
  });
});

test("each reason for nothing to do has its title; one unknown to the page has a plain one", () => {
  expect(titleForDone("annotator_paused")).toBe("Time for a short break");
  expect(titleForDone("paused")).toBe("Labeling is paused");
  expect(titleForDone("all_labeled")).toBe("Every image is labeled");
  expect(titleForDone("something_new")).toBe("That's all for now");
});
