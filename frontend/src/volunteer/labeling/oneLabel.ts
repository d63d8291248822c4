/** "Does this picture show a glacier?": the commands while one label is asked about alone. */
import type { AnnotationKind, Label } from "../../api/types";
import { buildRegistry, type Command, type Desk, type Registry, type Scheme } from "./actions";

const KEYS = { YES: ["y", "1"], NO: ["n", "2"] } as const;
const LEFT_OUT = new Set(["special:CANT_TELL", "special:NONE_OF_THESE", "confirm"]);

/** The label that is asked about; null asks for the whole picture, as does a label that is gone. */
export function askedLabel(
  labels: readonly Label[],
  asks: string | null | undefined,
): Label | null {
  return labels.find((label) => label.code === asks) ?? null;
}

function say(
  kind: AnnotationKind,
  label: Label,
  words: Pick<Command, "label" | "meaning" | "group" | "keys">,
): Command {
  return {
    id: `question:${kind}`,
    ...words,
    predicate: (desk: Desk) => desk.canAnswer(),
    perform: (desk, by) => desk.answer({ kind, labels: [label.code] }, by),
  };
}

/** Yes, no and can't tell of that label; skip, flag and what else the page can do stay. */
export function buildQuestion(scheme: Scheme, label: Label): Registry {
  const whole = buildRegistry({ ...scheme, labels: [], groups: [], isMulti: false }, []);
  const unsure = whole.byId.get("special:CANT_TELL");
  const taken: ReadonlySet<string> = new Set([...KEYS.YES, ...KEYS.NO]);
  const commands = [
    say("YES", label, { label: "Yes", meaning: "", group: "label", keys: KEYS.YES }),
    say("NO", label, { label: "No", meaning: "", group: "label", keys: KEYS.NO }),
    say("UNSURE", label, {
      label: unsure?.label ?? "Can't tell",
      meaning: "The picture does not show enough to say yes or no.",
      group: "answer",
      keys: unsure?.keys ?? ["t"],
    }),
    ...whole.commands.filter((command) => !LEFT_OUT.has(command.id)),
  ].map((command, place) =>
    place < 2 ? command : { ...command, keys: command.keys.filter((key) => !taken.has(key)) },
  );
  return {
    commands,
    isSearching: false,
    byKey: new Map(commands.flatMap((command) => command.keys.map((key) => [key, command]))),
    byId: new Map(commands.map((command) => [command.id, command])),
  };
}
