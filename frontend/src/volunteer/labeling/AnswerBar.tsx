import type { Command, Desk, Registry } from "./actions";
import { keyName } from "./keys";
import "./AnswerBar.css";

function AnswerButton({
  command,
  desk,
  isReady,
}: {
  command: Command;
  desk: Desk;
  isReady: boolean;
}) {
  const isConfirm = command.id === "confirm";
  return (
    <button
      type="button"
      class="answer-button"
      data-id={command.id}
      disabled={isConfirm && desk.chosen().length === 0}
      aria-disabled={!isReady}
      aria-keyshortcuts={command.keys[0]}
      onClick={() => command.predicate(desk) && command.perform(desk, "pointer")}
    >
      <span class="answer-name">
        {command.label}
        {command.keys[0] && <kbd class="kbd">{keyName(command.keys[0])}</kbd>}
      </span>
      <span class="answer-meaning">{command.meaning}</span>
    </button>
  );
}

/** What can be said when no label is the answer, each with its one-line meaning. */
export function AnswerBar({
  registry,
  desk,
  isReady,
}: {
  registry: Registry;
  desk: Desk;
  isReady: boolean;
}) {
  const commands = registry.commands.filter((command) => command.group === "answer");
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset cannot be a grid everywhere.
    <div class="answer-bar" role="group" aria-label="Other answers">
      {commands.map((command) => (
        <AnswerButton key={command.id} command={command} desk={desk} isReady={isReady} />
      ))}
    </div>
  );
}
