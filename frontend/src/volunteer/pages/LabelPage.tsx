import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { useRoute } from "preact-iso";
import { ApiError } from "../../api/client";
import { ErrorNote } from "../../shared/ErrorNote/ErrorNote";
import { Toasts } from "../../shared/Toast/Toast";
import { useTitle } from "../../shared/useTitle";
import { ContactDialog } from "../ContactDialog";
import { AlikeDialog } from "../labeling/AlikeDialog";
import { AnswerBar } from "../labeling/AnswerBar";
import { type By, buildRegistry, type Desk, type DialogName } from "../labeling/actions";
import { DeskBar } from "../labeling/DeskBar";
import { FlagDialog } from "../labeling/FlagDialog";
import { GuideDialog } from "../labeling/GuideDialog";
import { type GuideNews, guideNews, sawGuide } from "../labeling/guideSeen";
import { ImpactDialog } from "../labeling/ImpactDialog";
import { LabelPanel } from "../labeling/LabelPanel";
import { NoticeLine } from "../labeling/NoticeLine";
import { askedLabel, buildQuestion } from "../labeling/oneLabel";
import { nameOfAnswer, PreviousLine, TAKEN_BACK, takenBackWords } from "../labeling/PreviousLine";
import { Question } from "../labeling/Question";
import type { Draft } from "../labeling/queueState";
import { RecentDialog } from "../labeling/RecentDialog";
import { isPausedCode, titleForBlocked } from "../labeling/refusals";
import { Stage } from "../labeling/Stage";
import { useKeys } from "../labeling/useKeys";
import { type Labeling, useLabeling, useQueueLife, useQueueState } from "../labeling/useQueue";
import { useSlots } from "../labeling/useSlots";
import { Shell } from "../Shell";
import "../labeling/desk.css";

function LabelScreen({ labeling }: { labeling: Labeling }) {
  const { page, queue } = labeling;
  const { slug } = page.project;
  const state = useQueueState(queue);
  const [news, setNews] = useState<GuideNews>(() => guideNews(page));
  const isFirst = news === "first";
  const [dialog, setDialog] = useState<DialogName>(isFirst ? "guide" : "none");
  const [isZoomed, setZoomed] = useState(false);
  /** The answer whose grid of lookalikes is on the screen, or about to be. */
  const [asking, setAsking] = useState<string | null>(null);
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const [spoken, setSpoken] = useState("");
  const [aside, setAside] = useState("");
  const searchBox = useRef<HTMLInputElement>(null);
  const { slots, used } = useSlots(
    slug,
    page.labels.map((label) => label.code),
  );
  const scheme = useMemo(() => ({ ...page, isMulti: page.project.mode === "MULTI" }), [page]);
  const whole = useMemo(() => buildRegistry(scheme, slots.places), [scheme, slots.places]);
  const asked = askedLabel(page.labels, state.current?.asks);
  const registry = useMemo(
    () => (asked ? buildQuestion(scheme, asked) : whole),
    [scheme, asked, whole],
  );
  useQueueLife(labeling);

  const imageId = state.current?.image.id;
  const guess = state.current?.suggestion?.label;
  const hint = page.labels.find((label) => label.code === guess);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new image starts afresh.
  useEffect(() => {
    setZoomed(false);
    setChosen([]);
  }, [imageId]);

  const practice = state.previous?.practice ? state.previous.sentence : null;
  useEffect(() => {
    if (practice) setSpoken(practice);
  }, [practice]);

  const { takenBack } = state;
  // Emptied in between, so that a second undo is heard too.
  // biome-ignore lint/correctness/useExhaustiveDependencies: said once for each one taken back.
  useEffect(() => {
    if (takenBack) setSpoken(takenBackWords(state));
    else setSpoken((now) => (now.startsWith(TAKEN_BACK) ? "" : now));
  }, [takenBack]);

  const isHeldUp = state.isChecking || state.feedback !== null;
  const answer = (draft: Draft, by: By) => {
    const shown = {
      by,
      scheme_version: page.scheme_version,
      labels: asked ? 1 : page.labels.length,
      ...(hint && { suggestion: hint.code }),
    };
    if (!queue.answer({ ...draft, shown })) return;
    const news = (asked ? [] : (draft.labels ?? [])).map((code) => {
      // A group has no key.
      const passed = page.labels.some((label) => label.code === code) ? used(code) : undefined;
      const name = page.labels.find((label) => label.code === passed?.code)?.name;
      return passed && name ? `Key ${passed.key} is now for ${name}.` : "";
    });
    // Without a keyboard, keys are not shown either.
    const hasKeys = !matchMedia("(hover: none), (pointer: coarse)").matches;
    const aside = hasKeys ? news.filter(Boolean).join(" ") : "";
    setAside(aside);
    setSpoken(`${nameOfAnswer(draft.kind, draft.labels ?? [], page)}. Next image. ${aside}`.trim());
  };

  const desk: Desk = {
    canAnswer: () => state.phase === "labeling" && !state.isUndoing && !isHeldUp,
    answer,
    canUndo: () => state.canUndo,
    undo: () => void queue.undo(),
    open: setDialog,
    toggleZoom: () => setZoomed((is) => !is),
    focusSearch: () => searchBox.current?.focus(),
    toggle: (code) =>
      setChosen((now) => (now.includes(code) ? now.filter((c) => c !== code) : [...now, code])),
    chosen: () => chosen,
  };
  useKeys(
    registry,
    desk,
    dialog !== "none" || (asking !== null && asking === state.alike?.key),
    searchBox,
  );

  const close = () => setDialog("none");
  const knowGuide = () => {
    sawGuide(page);
    setNews("none");
    close();
  };
  const isReady = state.phase === "labeling" && state.picture?.status === "ready" && !isHeldUp;

  return (
    <div class="desk" data-phase={state.feedback ? "practice" : state.phase}>
      <DeskBar
        name={page.project.name}
        progress={state.progress}
        unsent={state.unsent}
        isRetrying={state.isRetrying}
        isPaused={isPausedCode(state.done?.code ?? "")}
        registry={registry}
        desk={desk}
      />
      <main class="desk-main">
        <section class="stage" aria-label="Image">
          <Stage
            state={state}
            slug={slug}
            hint={hint?.name ?? null}
            isZoomed={isZoomed}
            onZoom={setZoomed}
            onGoOn={() => queue.goOn()}
            onContact={() => setDialog("contact")}
            onRetry={() => queue.retryPicture()}
            onLook={() => void queue.wake()}
          />
        </section>
        <div class="desk-line">
          {state.notice ? (
            <NoticeLine text={state.notice} action="All right" onDo={() => queue.dismissNotice()} />
          ) : (
            <PreviousLine
              state={state}
              names={page}
              aside={aside}
              undoKey={registry.byId.get("undo")?.keys[0]}
              onUndo={desk.undo}
              onRecent={() => setDialog("recent")}
            />
          )}
          {news === "changed" && (
            <NoticeLine
              text="The guide has changed."
              action="Read it"
              onDo={() => setDialog("guide")}
            />
          )}
        </div>
        <section class="tray" aria-label="Answers">
          {asked ? (
            <Question label={asked} registry={registry} desk={desk} isReady={isReady} />
          ) : (
            <LabelPanel
              labels={page.labels}
              groups={page.groups}
              registry={registry}
              desk={desk}
              slots={slots}
              searchBox={searchBox}
              isReady={isReady}
            />
          )}
          <AnswerBar registry={registry} desk={desk} isReady={isReady} />
        </section>
      </main>
      <p class="visually-hidden" role="status" aria-live="polite">
        {spoken}
      </p>
      <GuideDialog
        open={dialog === "guide"}
        isFirst={isFirst}
        page={page}
        registry={whole}
        onClose={knowGuide}
      />
      <FlagDialog
        open={dialog === "flag"}
        flags={page.flags}
        onClose={close}
        onFlag={(reason) => {
          close();
          answer({ kind: "FLAG", flagReason: reason }, "pointer");
        }}
      />
      <RecentDialog
        open={dialog === "recent"}
        state={state}
        names={page}
        onUndo={(key) => {
          close();
          void queue.undo(key);
        }}
        onClose={close}
      />
      {state.alike && (
        <AlikeDialog
          key={state.alike.key}
          slug={slug}
          offer={state.alike}
          label={nameOfAnswer(state.alike.kind, state.alike.labels, page)}
          onOpen={() => setAsking(state.alike?.key ?? null)}
          onDone={(confirmed, held) => {
            setAsking(null);
            queue.closeAlike(confirmed, held);
            if (confirmed) setSpoken(`${confirmed.annotations.length} answers stored.`);
          }}
        />
      )}
      <ImpactDialog
        slug={slug}
        hasBoard={page.project.leaderboard}
        progress={state.progress}
        open={dialog === "impact"}
        onClose={close}
      />
      <ContactDialog slug={slug} open={dialog === "contact"} onClose={close} />
      <Toasts />
    </div>
  );
}

export function LabelPage() {
  const { slug = "" } = useRoute().params;
  const { labeling, error, reload } = useLabeling(slug);
  useTitle(labeling?.page.project.name ?? "Label");
  if (labeling) return <LabelScreen key={slug} labeling={labeling} />;
  if (error === null) return <div class="desk" aria-busy="true" />;
  const isOutside = error instanceof ApiError && [401, 403, 404].includes(error.status);
  return (
    <Shell>
      {isOutside ? (
        <>
          <h1>
            {error.status === 404
              ? "There is no project here that you have joined"
              : titleForBlocked(error)}
          </h1>
          <p class="lead">
            Open your invitation or your personal link once more; it brings you straight to the
            images.
          </p>
          <p>
            <a href="/">Projects you have joined on this device</a>
          </p>
        </>
      ) : (
        <>
          <h1>The images could not be loaded</h1>
          <ErrorNote error={error} onRetry={reload} />
        </>
      )}
    </Shell>
  );
}
