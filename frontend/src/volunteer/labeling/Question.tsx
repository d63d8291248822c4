import type { Label } from "../../api/types";
import type { Desk, Registry } from "./actions";
import { keyName } from "./keys";
import "./Question.css";

/** One label, yes or no: in place of all labels where the classifier lacks that one alone. */
export function Question({
  label,
  registry,
  desk,
  isReady,
}: {
  label: Label;
  registry: Registry;
  desk: Desk;
  isReady: boolean;
}) {
  return (
    <div class="question">
      <h2 class="question-text" id="question" aria-live="polite">
        Does this picture show <strong>{label.name}</strong>?
      </h2>
      {label.description && <p class="soft question-meaning">{label.description}</p>}
      {/* biome-ignore lint/a11y/useSemanticElements: as the labels in its place. */}
      <div class="question-answers" role="group" aria-labelledby="question">
        {["question:YES", "question:NO"].map((id) => {
          const command = registry.byId.get(id);
          return (
            command && (
              <button
                key={id}
                type="button"
                class="label-button"
                aria-disabled={!isReady}
                aria-keyshortcuts={command.keys.join(" ")}
                onClick={() => command.predicate(desk) && command.perform(desk, "pointer")}
              >
                <span class="label-name">{command.label}</span>
                {command.keys[0] && <kbd class="kbd">{keyName(command.keys[0])}</kbd>}
              </button>
            )
          );
        })}
      </div>
      <p class="soft small">Only this is asked here. What else it shows does not matter.</p>
    </div>
  );
}
