import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Button } from "../../shared/Button/Button";
import { ErrorNote } from "../../shared/ErrorNote/ErrorNote";
import { IntervalMark } from "../../shared/IntervalMark/IntervalMark";
import { plural } from "../format";
import { Loading } from "../Loading";
import type { StaffLabel } from "../types";
import { useResource } from "../useResource";
import { OneLabel } from "./OneLabel";
import {
  askedWords,
  classifierWords,
  type Doubt,
  type Found,
  labelNamed,
  neighbourWords,
  precisionWords,
  suggestions,
} from "./review";
import "./review.css";
import { useReview } from "./useReview";

const INTRODUCTION =
  "The classifier, fitted without the picture, and the pictures most like it speak against its label.";

const INTRODUCTION_OF_ONE =
  "The classifier, fitted without the picture, and the pictures most like it speak against what is " +
  "said of one label. Your answer counts for that label alone.";

function altOf({ given, is_shown }: Doubt): string {
  if (is_shown === null) return `Labeled ${given.name}`;
  return is_shown ? `Said to show ${given.name}` : `Said not to show ${given.name}`;
}

export function ReviewPage({ slug }: { slug: string }) {
  const labels = useResource<StaffLabel[]>(`staff/projects/${slug}/labels`);
  const review = useReview(slug);
  const { current, found, last, isBusy, notice } = review;
  const other = useRef<HTMLInputElement>(null);

  const keep = () => current && review.decide("LABEL", current.given);
  const actions: Record<string, () => void> = {
    k: () => keep(),
    o: () => other.current?.focus(),
    n: () => review.decide("NONE_OF_THESE"),
    t: () => review.decide("CANT_TELL"),
    s: review.later,
    u: review.undo,
  };
  for (const [at, witness] of (current ? suggestions(current) : []).entries()) {
    actions[String(at + 1)] = () => review.decide("LABEL", witness);
  }
  const ofOne: Record<string, () => void> = {
    y: () => current && review.decide("YES", current.given),
    n: () => current && review.decide("NO", current.given),
    t: () => current && review.decide("UNSURE", current.given),
    s: review.later,
    u: review.undo,
  };
  useKeys(found?.is_several ? ofOne : actions);

  if (!found) {
    if (review.error) return <ErrorNote error={review.error} onRetry={review.retry} />;
    return <Loading />;
  }
  return (
    <div class="stack">
      <section class="card stack">
        <div class="section-head">
          <h2>Labels that may be wrong</h2>
          <span class="soft small">
            {found.open === 0 ? "none waits" : `${plural(found.open, "label")} to look at`}
          </span>
        </div>
        <p class="review-line small" role="status">
          {notice || last?.words || (found.is_several ? INTRODUCTION_OF_ONE : INTRODUCTION)}
          {last && (
            <Button size="s" busy={isBusy} onClick={review.undo}>
              Undo <kbd class="kbd">U</kbd>
            </Button>
          )}
        </p>
        <ErrorNote error={review.error} />
        {current ? (
          <div class="review-body">
            <a class="review-picture" href={current.image.url} target="_blank" rel="noreferrer">
              <img src={current.image.url} alt={altOf(current)} />
              <span class="visually-hidden">Open the picture in a new tab</span>
            </a>
            {found.is_several ? (
              <OneLabel doubt={current} isBusy={isBusy} actions={ofOne} />
            ) : (
              <div class="stack">
                <Evidence doubt={current} />
                <Choices doubt={current} isBusy={isBusy} actions={actions} />
                <Other
                  key={current.image.id}
                  box={other}
                  labels={labels.data ?? []}
                  isBusy={isBusy}
                  onChoose={(label) => review.decide("LABEL", label)}
                />
              </div>
            )}
          </div>
        ) : (
          <Nothing isWaiting={found.open > 0} />
        )}
      </section>
      <Precision found={found} />
    </div>
  );
}

/** One listener: what a key means is in `actions`; none while somebody types. */
function useKeys(actions: Record<string, () => void>): void {
  const latest = useRef(actions);
  latest.current = actions;
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      const isTyping =
        event.target instanceof HTMLElement && event.target.closest("input, textarea, select");
      if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
      const action = latest.current[event.key.toLowerCase()];
      if (!action) return;
      event.preventDefault();
      // A held key repeats; one press is one answer.
      if (!event.repeat) action();
    };
    document.addEventListener("keydown", onKeyDown);
    return () => document.removeEventListener("keydown", onKeyDown);
  }, []);
}

function Precision({ found }: { found: Found }) {
  const asked = askedWords(found);
  return (
    <section class="card stack">
      <h2>How often such a doubt is right</h2>
      <p>{precisionWords(found)}</p>
      {found.n_judged > 0 && <IntervalMark {...found.wrong} />}
      {asked && <p class="soft small">{asked}</p>}
    </section>
  );
}

function Evidence({ doubt }: { doubt: Doubt }) {
  return (
    <>
      <p class="review-given">
        <span class="soft small">Labeled</span> <strong>{doubt.given.name}</strong>
      </p>
      <dl class="review-evidence small">
        <dt>The classifier</dt>
        <dd>{classifierWords(doubt)}</dd>
        <dt>Pictures like it</dt>
        <dd>{neighbourWords(doubt)}</dd>
      </dl>
    </>
  );
}

interface ChoicesProps {
  doubt: Doubt;
  isBusy: boolean;
  actions: Record<string, () => void>;
}

function Choices({ doubt, isBusy, actions }: ChoicesProps) {
  const button = (key: string, words: ComponentChildren) => (
    <Button key={key} aria-disabled={isBusy} onClick={() => actions[key]?.()}>
      {words} <kbd class="kbd">{key.toUpperCase()}</kbd>
    </Button>
  );
  return (
    <div class="review-choices">
      {button("k", `Keep ${doubt.given.name}`)}
      {suggestions(doubt).map(({ name }, at) => button(String(at + 1), `Change to ${name}`))}
      <div class="review-others">
        {button("n", "None of these")}
        {button("t", "Can't tell")}
        {button("s", "Later")}
      </div>
    </div>
  );
}

interface OtherProps {
  box: { current: HTMLInputElement | null };
  labels: readonly StaffLabel[];
  isBusy: boolean;
  onChoose: (label: StaffLabel) => void;
}

/** Any other label by name; Enter takes it, Escape goes back to the keys. */
function Other({ box, labels, isBusy, onChoose }: OtherProps) {
  const [typed, setTyped] = useState("");
  const meant = labelNamed(labels, typed);
  return (
    <form
      class="review-other"
      onSubmit={(event) => {
        event.preventDefault();
        if (!meant) return;
        box.current?.blur();
        onChoose(meant);
      }}
    >
      <label for="review-other">
        Another label <kbd class="kbd">O</kbd>
      </label>
      <div class="row">
        <input
          id="review-other"
          ref={box}
          class="input"
          list="review-labels"
          autocomplete="off"
          value={typed}
          onInput={(event) => setTyped(event.currentTarget.value)}
          onKeyDown={(event) => event.key === "Escape" && event.currentTarget.blur()}
        />
        <Button type="submit" disabled={!meant} busy={isBusy}>
          {meant ? `Change to ${meant.name}` : "Change"}
        </Button>
      </div>
      <datalist id="review-labels">
        {labels
          .filter((label) => label.retired_at === null)
          .map((label) => (
            <option key={label.code} value={label.name} />
          ))}
      </datalist>
    </form>
  );
}

function Nothing({ isWaiting }: { isWaiting: boolean }) {
  if (isWaiting) return <Loading />;
  return (
    <p class="empty">
      No label is in doubt. Labels are searched again each time there are a tenth more of them, from
      50 on.
    </p>
  );
}
