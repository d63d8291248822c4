import { useEffect, useRef } from "preact/hooks";
import { Button } from "../../shared/Button/Button";
import type { Past, QueueState } from "./queueState";
import "./PracticeCard.css";

/** While the word on an answer of the first round is on its way: its picture stays. */
export function Checking({ state }: { state: QueueState }) {
  return (
    <div class="checking">
      {state.previousSrc && <img src={state.previousSrc} alt="" />}
      <p class="visually-hidden" role="status">
        One moment.
      </p>
    </div>
  );
}

/** What to say above it: never blame, and the last one tells what comes next. */
export function titleOf(past: Past): string {
  const { practice } = past;
  if (!practice) return "";
  // Who skipped, or could not tell, was not wrong.
  if (!practice.said && past.kind !== "NONE_OF_THESE") return `This is ${practice.label.name}`;
  if (practice.is_right) return `Right, this is ${practice.label.name}`;
  return `Not quite: this is ${practice.label.name}`;
}

export interface PracticeCardProps {
  past: Past;
  /** The picture that was answered. */
  src: string;
  onGoOn: () => void;
}

/** One answer of the first round, explained: the picture beside the guide's own example. */
export function PracticeCard({ past, src, onGoOn }: PracticeCardProps) {
  const card = useRef<HTMLElement>(null);
  // The only thing to do next: one key, and a screen reader begins here.
  useEffect(() => card.current?.querySelector("button")?.focus(), []);
  const { practice } = past;
  if (!practice) return null;
  const { label, said } = practice;
  return (
    <section ref={card} class="practice" aria-labelledby="practice-title">
      <div class="practice-pictures">
        <figure>
          <img src={src} alt="What you just answered" />
          <figcaption>
            {practice.is_right || !said ? "Your picture" : `You said ${said.name}`}
          </figcaption>
        </figure>
        {practice.example_url && (
          <figure>
            <img src={practice.example_url} alt={`Example of ${label.name}`} />
            <figcaption>{label.name}, from the guide</figcaption>
          </figure>
        )}
      </div>
      <div class="practice-words" id="practice-words">
        <h2 id="practice-title">{titleOf(past)}</h2>
        {practice.note && <p>{practice.note}</p>}
        {!practice.is_right && !practice.is_last && (
          <p class="soft">Nobody gets them all; that is what these first ones are for.</p>
        )}
        {practice.is_last && (
          <p>
            That was your first round. From here on there is no such word after each answer: when in
            doubt, “Can't tell” is a good answer, and the guide stays one press away.
          </p>
        )}
      </div>
      <div class="row practice-foot">
        <Button tone="primary" size="l" aria-describedby="practice-words" onClick={onGoOn}>
          {practice.is_last ? "Start for real" : "Next image"} <kbd class="kbd">Enter</kbd>
        </Button>
        <span class="soft small">
          {practice.done} of {practice.of}
        </span>
      </div>
    </section>
  );
}
