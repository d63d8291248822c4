import type { LabelingPage } from "../../api/types";
import { keyName } from "./keys";
import type { Past, QueueState } from "./queueState";

export type Names = Pick<LabelingPage, "labels" | "specials"> & Partial<LabelingPage>;

const ABOUT_ONE_LABEL: Record<string, string> = { YES: "yes", NO: "no", UNSURE: "can't tell" };

/** An answer in words: "Milk", "Milk, Butter", "Can't tell". */
export function nameOfAnswer(kind: string, codes: readonly string[], names: Names): string {
  if (kind === "FLAG") return "Flag";
  const alone = ABOUT_ONE_LABEL[kind];
  if (alone) return `${codes.map((code) => nameOfLabel(code, names)).join(", ")}: ${alone}`;
  if (kind !== "LABEL") return names.specials.find((s) => s.kind === kind)?.name ?? kind;
  return codes.map((code) => nameOfLabel(code, names)).join(", ");
}

function nameOfLabel(code: string, { labels, groups = [] }: Names): string {
  const label = labels.find((one) => one.code === code);
  const group = groups.find((one) => one.code === code);
  return label?.name ?? (group ? `${group.name}, not sure which` : code);
}

export const TAKEN_BACK = "Taken back.";

/** That undo has worked, in a few words; empty where nothing was taken back. */
export function takenBackWords({ takenBack, current }: QueueState): string {
  if (!takenBack) return "";
  const isHere = takenBack.image.id === current?.image.id;
  return isHere ? `${TAKEN_BACK} Here it is again.` : TAKEN_BACK;
}

/** The quiet line about the image just answered, or about the one just taken back. */
export function PreviousLine({
  state,
  names,
  aside,
  undoKey,
  onUndo,
  onRecent,
}: {
  state: QueueState;
  names: Names;
  /** What else has changed with the answer; empty where nothing has. */
  aside: string;
  undoKey: string | undefined;
  onUndo: () => void;
  onRecent: () => void;
}) {
  const { previous } = state;
  const takenBack = takenBackWords(state);
  if (!previous) {
    return <div class="previous">{takenBack && <p class="previous-text">{takenBack}</p>}</div>;
  }
  return (
    <div class="previous">
      {state.previousSrc && !takenBack && (
        <img class="previous-image" src={state.previousSrc} alt="" />
      )}
      <p class="previous-text">
        {takenBack || <Word previous={previous} names={names} isTold={state.feedback !== null} />}
        {aside && !takenBack && <span class="soft"> {aside}</span>}
      </p>
      <div class="previous-actions">
        <button
          type="button"
          class="button"
          data-size="s"
          disabled={!state.canUndo}
          onClick={onUndo}
        >
          Undo {undoKey && <kbd class="kbd">{keyName(undoKey)}</kbd>}
        </button>
        <button
          type="button"
          class="button recent-button"
          data-size="s"
          data-tone="quiet"
          aria-label="Recent answers"
          title="Recent answers"
          onClick={onRecent}
        >
          <svg viewBox="0 0 20 20" width="18" height="18" aria-hidden="true">
            <path d="M4 5h12M4 10h12M4 15h8" stroke="currentColor" stroke-width="1.8" />
          </svg>
        </button>
      </div>
    </div>
  );
}

interface WordProps {
  previous: Past;
  names: Names;
  /** The word on it stands large above; the line need not repeat it. */
  isTold: boolean;
}

function Word({ previous, names, isTold }: WordProps) {
  if (previous.kind === "FLAG") return <>You flagged it.</>;
  if (previous.kind === "SKIP") return <>You skipped it.</>;
  if (previous.practice && !isTold) {
    const { is_right: isRight, done, of } = previous.practice;
    return (
      <>
        <span class="practice-mark" data-right={isRight} aria-hidden="true">
          {isRight ? "✓" : "→"}
        </span>{" "}
        {previous.sentence}{" "}
        <span class="soft">
          {done} of {of}
        </span>
      </>
    );
  }
  return (
    <>
      You said <strong>{nameOfAnswer(previous.kind, previous.labels, names)}</strong>.
      {previous.sentence && !isTold && <span class="soft"> {previous.sentence}</span>}
    </>
  );
}
