import { cleanup, fireEvent, render, screen } from "@testing-library/preact";
import { createRef } from "preact";
import { afterEach, expect, test, vi } from "vitest";
import type { Label } from "../../api/types";
import type { Command, Desk, Registry } from "./actions";
import { NO_SLOTS } from "./keys";
import { LabelPanel } from "./LabelPanel";

afterEach(cleanup);

function label(code: string, name: string): Label {
  const empty = { key: "", description: "", former_names: [], example_url: null };
  return { code, name, colour: "#888888", ...empty };
}

function command(id: string, perform: Command["perform"]): Command {
  const words = { label: id, meaning: "", group: "label" as const, keys: [] };
  return { id, ...words, predicate: () => true, perform };
}

test("what was looked for is gone once its label has been picked by touch", () => {
  const picked = vi.fn();
  const commands = [
    command("label:satsumas", picked),
    command("label:cucumber", picked),
    command("search", picked),
  ];
  const registry: Registry = {
    commands,
    isSearching: true,
    byKey: new Map(),
    byId: new Map(commands.map((each) => [each.id, each])),
  };
  render(
    <LabelPanel
      labels={[label("satsumas", "Satsumas"), label("cucumber", "Cucumber")]}
      groups={[]}
      registry={registry}
      desk={{ chosen: () => [] } as unknown as Desk}
      slots={NO_SLOTS}
      searchBox={createRef()}
      isReady={true}
    />,
  );
  const box = screen.getByLabelText<HTMLInputElement>("Find a label");
  fireEvent.input(box, { target: { value: "Sats" } });
  expect(screen.queryByText("Cucumber")).toBeNull();

  fireEvent.click(screen.getByText("Satsumas"));

  expect(picked).toHaveBeenCalledOnce();
  expect(box.value).toBe("");
  expect(screen.getByText("Cucumber")).toBeTruthy();
});
