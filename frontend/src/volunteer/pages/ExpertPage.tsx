import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { useRoute } from "preact-iso";
import { ApiError } from "../../api/client";
import type { LabelingPage, Said } from "../../api/types";
import { ErrorNote } from "../../shared/ErrorNote/ErrorNote";
import { ImageViewer } from "../../shared/ImageViewer/ImageViewer";
import { count } from "../../shared/numbers";
import { Toasts } from "../../shared/Toast/Toast";
import { useLoad } from "../../shared/useLoad";
import { useTitle } from "../../shared/useTitle";
import { GoldNote } from "../expert/GoldNote";
import type { Round } from "../expert/round";
import { type Decision, type Task, type TaskName, taskOf } from "../expert/tasks";
import { loadRound, useExpert } from "../expert/useExpert";
import { AnswerBar } from "../labeling/AnswerBar";
import { buildRegistry, type Desk, type DialogName } from "../labeling/actions";
import { GuideDialog } from "../labeling/GuideDialog";
import { keyName } from "../labeling/keys";
import { LabelPanel } from "../labeling/LabelPanel";
import { nameOfAnswer } from "../labeling/PreviousLine";
import { loadLabeling } from "../labeling/transport";
import { useKeys } from "../labeling/useKeys";
import { useSlots } from "../labeling/useSlots";
import { Mark, Shell } from "../Shell";
import "../labeling/desk.css";
import "../labeling/Stage.css";

/** "Milk 2, Soy milk 1": what the others said, most first; no names. */
function countsOf(answers: readonly Said[], page: LabelingPage): string {
  return [...answers]
    .sort((a, b) => b.count - a.count)
    .map(({ label, kind, count }) => `${nameOfAnswer(kind, label ? [label] : [], page)} ${count}`)
    .join(", ");
}

/** Skipping means something else here: nobody else gets it, it comes round again. */
const SKIPPING: Record<TaskName, string> = {
  settle: "Later: it comes round again.",
  gold: "Not this one: it stays as it is.",
};

/** The other answers of a task: a reference is a label, so there only skipping is left. */
function specialsOf(page: LabelingPage, task: TaskName): LabelingPage["specials"] {
  return page.specials
    .filter((special) => task === "settle" || special.kind === "SKIP")
    .map((special) =>
      special.kind === "SKIP" ? { ...special, meaning: SKIPPING[task] } : special,
    );
}

interface ExpertScreenProps {
  page: LabelingPage;
  task: Task;
  start: Round;
}

function ExpertScreen({ page, task, start }: ExpertScreenProps) {
  const { slug } = page.project;
  const expert = useExpert(slug, task, start);
  const { current, round } = expert;
  const [dialog, setDialog] = useState<DialogName>("none");
  const [isNoting, setNoting] = useState(false);
  const [isZoomed, setZoomed] = useState(false);
  const searchBox = useRef<HTMLInputElement>(null);
  const { slots, used } = useSlots(
    slug,
    page.labels.map((label) => label.code),
  );
  const isMulti = page.project.mode === "MULTI";
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const registry = useMemo(() => {
    const specials = specialsOf(page, task.name);
    return buildRegistry({ ...page, specials, isMulti, isExpert: true }, slots.places);
  }, [page, task, slots.places, isMulti]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another image starts whole.
  useEffect(() => {
    setZoomed(false);
    setChosen([]);
  }, [current?.id]);

  const desk: Desk = {
    canAnswer: expert.mayDecide,
    answer: (draft) => {
      const label = draft.labels?.[0] ?? null;
      if (page.labels.some((one) => one.code === label)) used(label ?? "");
      if (draft.kind === "SKIP") expert.skip();
      else expert.decide(draft.kind, label, draft.labels);
    },
    canUndo: () => expert.last !== null && !expert.isBusy,
    undo: expert.undo,
    open: setDialog,
    toggleZoom: () => setZoomed((is) => !is),
    focusSearch: () => searchBox.current?.focus(),
    toggle: (code) =>
      setChosen((now) => (now.includes(code) ? now.filter((one) => one !== code) : [...now, code])),
    chosen: () => chosen,
  };
  useKeys(registry, desk, dialog !== "none" || isNoting, searchBox);
  const isReady = current !== undefined && !expert.isBusy;

  return (
    <div class="desk" data-phase={current || expert.isWaiting ? "labeling" : "done"}>
      <header class="desk-bar desk-bar-short">
        <div class="desk-title">
          <a class="desk-home" href="/" aria-label="Your projects">
            <Mark />
          </a>
          <h1 class="desk-name">
            {page.project.name}: {task.name === "gold" ? "gold" : "for experts"}
          </h1>
        </div>
        <Counts task={task.name} round={round} />
        <div class="desk-tools">
          <button type="button" class="button" data-tone="quiet" onClick={() => setDialog("guide")}>
            Guide <kbd class="kbd">?</kbd>
          </button>
          <a
            class="button"
            data-tone="quiet"
            href={task.name === "gold" ? `/expert/${slug}` : `/expert/${slug}?task=gold`}
          >
            {task.name === "gold" ? "Settle" : "Set gold"}
          </a>
          <a class="button" data-tone="quiet" href={`/label/${slug}`}>
            Label
          </a>
        </div>
      </header>
      <main class="desk-main">
        <section class="stage" aria-label="Image">
          {current ? (
            <ImageViewer
              src={current.url}
              alt={task.name === "gold" ? "One that could be gold" : "The one to settle"}
              isZoomed={isZoomed}
              onZoom={setZoomed}
            />
          ) : (
            <Nothing
              slug={slug}
              task={task.name}
              isWaiting={expert.isWaiting}
              settled={round.settled}
            />
          )}
        </section>
        <div class="desk-line" role="status">
          {expert.error !== null ? (
            <ErrorNote error={expert.error} />
          ) : (
            <Line
              page={page}
              task={task.name}
              last={expert.last}
              notice={expert.notice}
              isBusy={expert.isBusy}
              undoKey={keyName(registry.byId.get("undo")?.keys[0] ?? "")}
              onUndo={expert.undo}
              onNote={() => setNoting(true)}
            />
          )}
        </div>
        <section class="tray" aria-label="Answers">
          <LabelPanel
            labels={page.labels}
            groups={page.groups}
            registry={registry}
            desk={desk}
            slots={slots}
            searchBox={searchBox}
            isReady={isReady}
          />
          <AnswerBar registry={registry} desk={desk} isReady={isReady} />
        </section>
      </main>
      <GuideDialog
        open={dialog === "guide"}
        isFirst={false}
        page={page}
        registry={registry}
        onClose={() => setDialog("none")}
      />
      <GoldNote
        open={isNoting}
        last={expert.last}
        name={expert.last ? nameOf(expert.last, page) : ""}
        onKeep={expert.keepAsGold}
        onClose={() => setNoting(false)}
      />
      <Toasts />
    </div>
  );
}

/** What is left to do, and what this expert has done; of gold there is no "left to do". */
function Counts({ task, round }: { task: TaskName; round: Round }) {
  if (task === "gold") {
    return (
      <p>
        <strong>{count(round.settled)}</strong> set by you
      </p>
    );
  }
  return (
    <p>
      <strong>{count(round.left)} left</strong>
      {round.settled > 0 && (
        <span class="soft desk-all">, {count(round.settled)} settled by you</span>
      )}
    </p>
  );
}

interface NothingProps {
  slug: string;
  task: TaskName;
  isWaiting: boolean;
  settled: number;
}

function Nothing({ slug, task, isWaiting, settled }: NothingProps) {
  if (isWaiting) {
    return (
      <div class="stage-loading" role="status">
        <span class="visually-hidden">The next image is on its way.</span>
      </div>
    );
  }
  if (task === "gold") {
    return (
      <div class="stage-note">
        <h2>No image left to choose</h2>
        <p>Every image that may be gold is, or waits for somebody's answer.</p>
        <div class="row stage-actions">
          <a class="button" data-tone="primary" href={`/expert/${slug}`}>
            Settle what waits
          </a>
        </div>
      </div>
    );
  }
  return (
    <div class="stage-note">
      <h2>Nothing to settle</h2>
      <p>
        {settled > 0 && `Thank you: ${count(settled)} settled by you. `}
        When people disagree about an image, it waits here for you; so does now and then one on
        which they agree, so that accuracy rests on more than agreement.
      </p>
      <div class="row stage-actions">
        <a class="button" data-tone="primary" href={`/label/${slug}`}>
          Label images
        </a>
      </div>
    </div>
  );
}

function nameOf({ kind, label, labels }: Decision, page: LabelingPage): string {
  return nameOfAnswer(kind, labels?.length ? [...labels] : label ? [label] : [], page);
}

const INTRODUCTION: Record<TaskName, string> = {
  settle: "Judge for yourself first; what the others said shows after your decision.",
  gold: "Give a label where you are certain, to easy images and to tricky ones; skip the rest.",
};

interface LineProps {
  page: LabelingPage;
  task: TaskName;
  last: Decision | null;
  notice: string;
  isBusy: boolean;
  undoKey: string;
  onUndo: () => void;
  onNote: () => void;
}

/** The decision before, with what people had said, and the way back. */
function Line({ page, task, last, notice, isBusy, undoKey, onUndo, onNote }: LineProps) {
  if (notice) return <p class="previous">{notice}</p>;
  if (!last) return <p class="previous soft">{INTRODUCTION[task]}</p>;
  return (
    <div class="previous">
      <img class="previous-image" src={last.image.thumb_url} alt="" />
      <p class="previous-text">
        <strong>{decidedWords(last, task, page)}</strong>{" "}
        {last.answers.length > 0 && (
          <span class="soft">Answers before: {countsOf(last.answers, page)}.</span>
        )}
        {last.note && <span class="soft">{last.note}</span>}
      </p>
      <div class="previous-actions">
        {last.mayBeGold && <GoldButton last={last} isBusy={isBusy} onClick={onNote} />}
        <button type="button" class="button" data-size="s" disabled={isBusy} onClick={onUndo}>
          Undo <kbd class="kbd">{undoKey}</kbd>
        </button>
      </div>
    </div>
  );
}

/** On a phone one word has to do; a screen reader hears them all. */
function GoldButton(props: { last: Decision; isBusy: boolean; onClick: () => void }) {
  const { isGold, note } = props.last;
  const words = isGold ? (note ? "Change the note" : "Add a note") : "Keep as gold";
  return (
    <button
      type="button"
      class="button"
      data-size="s"
      aria-label={words}
      disabled={props.isBusy}
      onClick={props.onClick}
    >
      <span class="wide-words">{words}</span>
      <span class="narrow-words">{isGold ? "Note" : "Gold"}</span>
    </button>
  );
}

function decidedWords(last: Decision, task: TaskName, page: LabelingPage): string {
  const name = nameOf(last, page);
  if (task === "gold") return `Gold: ${name}.`;
  return last.isGold ? `You decided: ${name}; it is gold now.` : `You decided: ${name}.`;
}

async function load(task: Task, slug: string, signal: AbortSignal): Promise<ExpertScreenProps> {
  const [page, start] = await Promise.all([loadLabeling(slug, signal), loadRound(task, signal)]);
  return { page, task, start };
}

export function ExpertPage() {
  const { params, query } = useRoute();
  const { slug = "" } = params;
  const name: TaskName = query.task === "gold" ? "gold" : "settle";
  const { data, error, reload } = useLoad(`${name} ${slug}`, (signal) =>
    load(taskOf(name, slug), slug, signal),
  );
  useTitle(data ? `For experts of ${data.page.project.name}` : "For experts");
  if (data) return <ExpertScreen key={name} {...data} />;
  if (error === null) return <div class="desk" aria-busy="true" />;
  const isOutside = error instanceof ApiError && [401, 403, 404].includes(error.status);
  return (
    <Shell>
      <h1>{isOutside ? "This page is for experts of the project" : "The images did not load"}</h1>
      {isOutside ? (
        <p class="lead">
          Sign in with your expert account, or go to <a href="/">your projects</a>.
        </p>
      ) : (
        <ErrorNote error={error} onRetry={reload} />
      )}
    </Shell>
  );
}
