import { useId, useState } from "preact/hooks";
import { ApiError, api } from "../../api/client";
import type { Feedback, LabelList, PictureAnswer } from "../../api/types";
import { Button } from "../../shared/Button/Button";
import { ErrorNote } from "../../shared/ErrorNote/ErrorNote";

function percent(share: number): string {
  if (share > 0 && share < 0.01) return "under 1 %";
  return `${Math.round(share * 100)} %`;
}

function Top({ answer }: { answer: PictureAnswer }) {
  return (
    <ol class="top-list">
      {answer.top.map((entry) => (
        <li key={entry.label} class="top-entry">
          <span class="top-name">{entry.name}</span>
          <span class="top-share">{percent(entry.probability)}</span>
          <span class="top-bar" aria-hidden="true">
            <span style={{ inlineSize: `${Math.max(0.5, entry.probability * 100)}%` }} />
          </span>
        </li>
      ))}
    </ol>
  );
}

function question(name: string | undefined, isSeveral: boolean): string {
  if (name === undefined) return "What is it?";
  return isSeveral ? `Does it show ${name}?` : `Is it ${name}?`;
}

const THANKS: Record<Feedback["answer"], string> = {
  recorded: "Thank you. Your answer is recorded, and the classifier learns from it.",
  waiting: "Thank you. Your answer is kept and counts once the photo is in the project.",
  not_stored: "Thank you. Your answer is noted; the photo itself was not kept.",
};

function AskFeedback({ answer, list }: { answer: PictureAnswer; list: LabelList }) {
  const [isCorrecting, setCorrecting] = useState(false);
  const [label, setLabel] = useState("");
  const [isBusy, setBusy] = useState(false);
  const [given, setGiven] = useState<Feedback | null>(null);
  const [error, setError] = useState<unknown>(null);
  const select = useId();
  const guess = answer.top[0];

  const send = async (body: { right: boolean; label?: string }) => {
    setBusy(true);
    setError(null);
    try {
      setGiven(await api.post<Feedback>(`predictions/${answer.id}/feedback`, body));
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  };

  if (given) {
    return (
      <p class="thanks" role="status">
        {THANKS[given.answer] ?? "Thank you."}
      </p>
    );
  }
  return (
    <div class="stack">
      <h3>{question(guess?.name, answer.labels !== undefined)}</h3>
      <div class="row">
        {guess && (
          <Button busy={isBusy && !isCorrecting} onClick={() => send({ right: true })}>
            Yes, right
          </Button>
        )}
        <Button aria-expanded={isCorrecting} onClick={() => setCorrecting(!isCorrecting)}>
          {answer.labels ? "No, it shows …" : "No, it is …"}
        </Button>
      </div>
      {isCorrecting && (
        <form
          class="correct"
          onSubmit={(event) => {
            event.preventDefault();
            void send(label === "" ? { right: false } : { right: false, label });
          }}
        >
          <div class="field">
            <label for={select}>It shows</label>
            <select
              id={select}
              class="input"
              value={label}
              onChange={(event) => setLabel(event.currentTarget.value)}
            >
              <option value="">something else, or I don't know</option>
              {list.labels
                .filter((option) => option.code !== guess?.label)
                .map((option) => (
                  <option key={option.code} value={option.code}>
                    {option.name}
                  </option>
                ))}
            </select>
          </div>
          <Button type="submit" tone="primary" busy={isBusy}>
            Send
          </Button>
        </form>
      )}
      {error !== null && <ErrorNote error={error} />}
    </div>
  );
}

/** Where a photo may show several things, all that it is sure of. */
function acceptedNames({ top, labels }: PictureAnswer): string {
  if (!labels) return top[0]?.name ?? "";
  return top
    .filter((entry) => labels.includes(entry.label))
    .map((entry) => entry.name)
    .join(" + ");
}

/** What the classifier says of one photo, how sure it is, and whether it is right. */
export function Answer({ answer, list }: { answer: PictureAnswer; list: LabelList }) {
  const { number, evidence } = answer.model_version;
  return (
    <div class="stack answer">
      <div role="status">
        <h2>{answer.accepted ? acceptedNames(answer) : "Not sure this is any of these"}</h2>
        {!answer.accepted && (
          <p class="soft">Its best guesses are below, but none is sure enough to count.</p>
        )}
      </div>
      <Top answer={answer} />
      <p class="small soft">
        Said by version {number} of the classifier.{" "}
        {evidence === "PROVEN"
          ? "It has been checked on pictures that it never learned from."
          : "It is new: how often it is right is still being checked."}
      </p>
      {answer.queued && <p class="small soft">The photo joined the project's images.</p>}
      {answer.queue_note && <p class="small soft">{answer.queue_note.message}</p>}
      <AskFeedback key={answer.id} answer={answer} list={list} />
    </div>
  );
}

export function isNoChampion(error: unknown): boolean {
  return error instanceof ApiError && error.code === "no_champion";
}
