import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { useRoute } from "preact-iso";
import { ApiError, api } from "../../api/client";
import type { Adjudicated, Dispute, ImageRef, LabelingPage, Said } from "../../api/types";
import { ErrorNote } from "../../shared/ErrorNote/ErrorNote";
import { ImageViewer } from "../../shared/ImageViewer/ImageViewer";
import { useLoad } from "../../shared/useLoad";
import { useTitle } from "../../shared/useTitle";
import { AnswerBar } from "../labeling/AnswerBar";
import { buildRegistry, type Desk, type DialogName } from "../labeling/actions";
import { GuideDialog } from "../labeling/GuideDialog";
import { LabelPanel } from "../labeling/LabelPanel";
import { nameOfAnswer } from "../labeling/PreviousLine";
import type { Draft } from "../labeling/queue";
import { loadLabeling } from "../labeling/transport";
import { useKeys } from "../labeling/useKeys";
import { useSlots } from "../labeling/useSlots";
import { Mark, Shell } from "../Shell";
import "../labeling/desk.css";
import "../labeling/Stage.css";

interface Decided {
  image: ImageRef;
  name: string;
  answers: readonly Said[];
}

/** "Milk 2, Soy milk 1": what the others said, most first; no names. */
function countsOf(answers: readonly Said[], page: LabelingPage): string {
  return [...answers]
    .sort((a, b) => b.count - a.count)
    .map(({ label, kind, count }) => `${nameOfAnswer(kind, label ? [label] : [], page)} ${count}`)
    .join(", ");
}

interface ExpertScreenProps {
  page: LabelingPage;
  disputes: readonly Dispute[];
}

function ExpertScreen({ page, disputes }: ExpertScreenProps) {
  const { slug } = page.project;
  const [place, setPlace] = useState(0);
  const [decided, setDecided] = useState<Decided | null>(null);
  const [isSaving, setSaving] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const [dialog, setDialog] = useState<DialogName>("none");
  const [isZoomed, setZoomed] = useState(false);
  const searchBox = useRef<HTMLInputElement>(null);
  const { slots, used } = useSlots(
    slug,
    page.labels.map((label) => label.code),
  );
  const registry = useMemo(
    () => buildRegistry({ ...page, isMulti: false, isExpert: true }, slots.places),
    [page, slots.places],
  );
  const current = disputes[place];
  const next = disputes[place + 1];

  useEffect(() => {
    if (next) new Image().src = next.image.url;
  }, [next]);

  const decide = async (dispute: Dispute, draft: Draft) => {
    setSaving(true);
    setError(null);
    try {
      const label = draft.labels?.[0] ?? null;
      const { answers } = await api.post<Adjudicated>(
        `projects/${slug}/disputes/${dispute.image.id}`,
        { kind: draft.kind, label },
      );
      if (label) used(label);
      const name = nameOfAnswer(draft.kind, draft.labels ?? [], page);
      setDecided({ image: dispute.image, name, answers });
      moveOn();
    } catch (failure) {
      setError(failure);
    } finally {
      setSaving(false);
    }
  };

  const moveOn = () => {
    setZoomed(false);
    setPlace((now) => now + 1);
  };

  const desk: Desk = {
    canAnswer: () => current !== undefined && !isSaving,
    // Skipping leaves the dispute for later; only a decision is sent.
    answer: (draft) => {
      if (!current) return;
      if (draft.kind === "SKIP") moveOn();
      else void decide(current, draft);
    },
    canUndo: () => false,
    undo: () => {},
    open: setDialog,
    toggleZoom: () => setZoomed((is) => !is),
    focusSearch: () => searchBox.current?.focus(),
    toggle: () => {},
    chosen: () => [],
  };
  useKeys(registry, desk, dialog !== "none", searchBox);

  return (
    <div class="desk" data-phase={current ? "labeling" : "done"}>
      <header class="desk-bar desk-bar-short">
        <div class="desk-title">
          <a class="desk-home" href="/" aria-label="Your projects">
            <Mark />
          </a>
          <h1 class="desk-name">{page.project.name}: disputes</h1>
        </div>
        <p class="soft">{Math.max(0, disputes.length - place)} to settle</p>
        <div class="desk-tools">
          <button type="button" class="button" data-tone="quiet" onClick={() => setDialog("guide")}>
            Guide <kbd class="kbd">?</kbd>
          </button>
          <a class="button" data-tone="quiet" href={`/label/${slug}`}>
            Label
          </a>
        </div>
      </header>
      <main class="desk-main">
        <section class="stage" aria-label="Image">
          {current ? (
            <ImageViewer
              src={current.image.url}
              alt="The disputed image"
              isZoomed={isZoomed}
              onZoom={setZoomed}
            />
          ) : (
            <div class="stage-note">
              <h2>Nothing to settle</h2>
              <p>When people disagree about an image, it waits here for you.</p>
              <div class="row stage-actions">
                <a class="button" data-tone="primary" href={`/label/${slug}`}>
                  Label images
                </a>
              </div>
            </div>
          )}
        </section>
        <div class="desk-line" role="status">
          {error !== null && <ErrorNote error={error} />}
          {error === null && decided && (
            <div class="previous">
              <img class="previous-image" src={decided.image.thumb_url} alt="" />
              <p class="previous-text">
                <strong>You decided: {decided.name}.</strong>{" "}
                <span class="soft">Answers before: {countsOf(decided.answers, page)}.</span>
              </p>
            </div>
          )}
          {error === null && !decided && (
            <p class="previous soft">
              Judge for yourself first; what the others said shows after your decision.
            </p>
          )}
        </div>
        <section class="tray" aria-label="Answers">
          <LabelPanel
            labels={page.labels}
            registry={registry}
            desk={desk}
            slots={slots}
            searchBox={searchBox}
            isReady={current !== undefined && !isSaving}
          />
          <AnswerBar registry={registry} desk={desk} isReady={current !== undefined && !isSaving} />
        </section>
      </main>
      <GuideDialog
        open={dialog === "guide"}
        isFirst={false}
        page={page}
        registry={registry}
        onClose={() => setDialog("none")}
      />
    </div>
  );
}

async function loadDisputes(slug: string, signal: AbortSignal): Promise<ExpertScreenProps> {
  const [page, answer] = await Promise.all([
    loadLabeling(slug, signal),
    api.get<Dispute[] | { results: Dispute[] }>(`projects/${slug}/disputes`, { signal }),
  ]);
  return { page, disputes: Array.isArray(answer) ? answer : answer.results };
}

export function ExpertPage() {
  const { slug = "" } = useRoute().params;
  const { data, error, reload } = useLoad(slug, (signal) => loadDisputes(slug, signal));
  useTitle(data ? `Disputes in ${data.page.project.name}` : "Disputes");
  if (data) return <ExpertScreen {...data} />;
  if (error === null) return <div class="desk" aria-busy="true" />;
  const isOutside = error instanceof ApiError && [401, 403, 404].includes(error.status);
  return (
    <Shell>
      <h1>{isOutside ? "This page is for experts of the project" : "The disputes did not load"}</h1>
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
