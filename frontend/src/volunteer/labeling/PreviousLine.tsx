import type { LabelingPage } from "../../api/types";
import { keyName } from "./keys";
import type { QueueState } from "./queue";

export type Names = Pick<LabelingPage, "labels" | "specials">;

/** An answer in words: "Milk", "Milk, Butter", "Can't tell". */
export function nameOfAnswer(kind: string, codes: readonly string[], names: Names): string {
  if (kind === "FLAG") return "Flag";
  if (kind !== "LABEL") return names.specials.find((s) => s.kind === kind)?.name ?? kind;
  return codes
    .map((code) => names.labels.find((label) => label.code === code)?.name ?? code)
    .join(", ");
}

/** The quiet line about the image just answered. */
export function PreviousLine({
  state,
  names,
  undoKey,
  onUndo,
}: {
  state: QueueState;
  names: Names;
  undoKey: string | undefined;
  onUndo: () => void;
}) {
  const { previous } = state;
  if (!previous) return <div class="previous" />;
  const isFlag = previous.kind === "FLAG";
  return (
    <div class="previous">
      {state.previousSrc && <img class="previous-image" src={state.previousSrc} alt="" />}
      <p class="previous-text">
        {isFlag ? (
          "You flagged it."
        ) : (
          <>
            You said <strong>{nameOfAnswer(previous.kind, previous.labels, names)}</strong>.
          </>
        )}
        {previous.sentence && !isFlag && <span class="soft"> {previous.sentence}</span>}
      </p>
      <button type="button" class="button" data-size="s" disabled={!state.canUndo} onClick={onUndo}>
        Undo {undoKey && <kbd class="kbd">{keyName(undoKey)}</kbd>}
      </button>
    </div>
  );
}
