import type { ComponentChildren } from "preact";
import { Button } from "../../shared/Button/Button";
import { ImageViewer } from "../../shared/ImageViewer/ImageViewer";
import { useLoad } from "../../shared/useLoad";
import { loadSession } from "../session";
import { Checking, PracticeCard } from "./PracticeCard";
import type { Picture } from "./pictures";
import type { QueueState } from "./queueState";
import { isForThisPerson, isPausedCode, titleForBlocked } from "./refusals";
import "./Stage.css";

function Note({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <div class="stage-note">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

const DONE_TITLES: Record<string, string> = {
  no_images: "There are no images yet",
  images_coming: "The images are on their way",
  held_by_others: "One moment",
  archived: "This project has ended",
  share_reached: "You have given your share",
  all_labeled: "Every image is labeled",
};

export function titleForDone(code: string): string {
  if (isForThisPerson(code)) return "Time for a short break";
  return isPausedCode(code) ? "Labeling is paused" : (DONE_TITLES[code] ?? "That's all for now");
}

/** For who may add them, on the page where somebody misses them. */
function AddImages({ slug }: { slug: string }) {
  const { data } = useLoad("session", loadSession);
  const role = data?.projects.find((project) => project.slug === slug)?.role;
  if (!data?.user?.is_superuser && role !== "MANAGER" && role !== "OWNER") return null;
  return (
    <a class="button" data-tone="primary" href={`/staff/${slug}/images`}>
      Add images
    </a>
  );
}

interface DoneProps extends Pick<StageProps, "state" | "slug" | "onLook" | "onContact"> {}

function Done({ state, slug, onLook, onContact }: DoneProps) {
  const code = state.done?.code ?? "";
  const isPaused = isPausedCode(code);
  const isPersonal = isForThisPerson(code);
  return (
    <Note title={titleForDone(code)}>
      <p>{state.done?.message}</p>
      {isPaused && state.unsent > 0 && (
        <p class="soft">Your last answers are kept here and are sent when you can go on.</p>
      )}
      {!isPaused && state.progress.mine > 0 && (
        <p class="soft">
          {state.progress.mine === 1 ? "One answer is" : `${state.progress.mine} answers are`}{" "}
          yours. This page looks again by itself.
        </p>
      )}
      <div class="row stage-actions">
        {isPersonal && (
          <Button tone="primary" onClick={onContact}>
            Write to the coordinator
          </Button>
        )}
        {code === "no_images" && <AddImages slug={slug} />}
        <Button tone={isPersonal || code === "no_images" ? "plain" : "primary"} onClick={onLook}>
          Look again
        </Button>
        {code !== "no_images" && (
          <a class="button" href={`/try/${slug}`}>
            Try it on a photo
          </a>
        )}
        <a class="button" href="/">
          Your projects
        </a>
      </div>
    </Note>
  );
}

function Blocked({ state, onRetry }: { state: QueueState; onRetry: () => void }) {
  if (!state.blocked) return null;
  return (
    <Note title={titleForBlocked(state.blocked)}>
      <p>{state.blocked.message}</p>
      <p class="soft">
        Open your personal link or your invitation once more.
        {state.unsent > 0 && " Answers not sent yet are kept on this device and go out then."}
      </p>
      <div class="row stage-actions">
        <Button tone="primary" onClick={onRetry}>
          Try again
        </Button>
        <a class="button" href="/">
          Your projects
        </a>
      </div>
    </Note>
  );
}

export interface PictureStageProps {
  picture: Picture;
  isZoomed: boolean;
  onZoom: (isZoomed: boolean) => void;
  onRetry: () => void;
}

export function PictureStage({ picture, isZoomed, onZoom, onRetry }: PictureStageProps) {
  if (picture.status === "ready") {
    return (
      <ImageViewer src={picture.src} alt="The image to label" isZoomed={isZoomed} onZoom={onZoom} />
    );
  }
  if (picture.status === "loading") {
    return (
      <div class="stage-loading" role="status">
        <span class="visually-hidden">The picture is loading.</span>
      </div>
    );
  }
  return (
    <Note title="This picture could not be loaded">
      <p>Try once more, skip it, or flag it as broken.</p>
      <div class="row stage-actions">
        <Button tone="primary" onClick={onRetry}>
          Try again
        </Button>
      </div>
    </Note>
  );
}

export interface StageProps extends Omit<PictureStageProps, "picture"> {
  state: QueueState;
  slug: string;
  /** The classifier's guess by name, where this answer may see one. */
  hint: string | null;
  onLook: () => void;
  onGoOn: () => void;
  onContact: () => void;
}

/** The large place in the middle: the image, or why there is none. */
export function Stage({ state, slug, hint, onLook, onGoOn, onContact, ...rest }: StageProps) {
  if (state.feedback) {
    const { image } = state.feedback;
    const isLast = image.id === state.previous?.image.id;
    const src = (isLast && state.previousSrc) || image.url;
    return <PracticeCard key={image.id} past={state.feedback} src={src} onGoOn={onGoOn} />;
  }
  if (state.isChecking) return <Checking state={state} />;
  switch (state.phase) {
    case "blocked":
      return <Blocked state={state} onRetry={onLook} />;
    case "done":
      return <Done state={state} slug={slug} onLook={onLook} onContact={onContact} />;
    case "labeling":
      return (
        <>
          <PictureStage picture={state.picture ?? { status: "loading" }} {...rest} />
          {hint && <p class="hint-chip">The classifier's guess: {hint}</p>}
        </>
      );
    case "starting":
      return <PictureStage picture={{ status: "loading" }} {...rest} />;
    case "waiting":
      return state.isRetrying ? (
        <Note title="Waiting for the network">
          <p>Your answers are safe on this device and go out as soon as there is a connection.</p>
          <div class="row stage-actions">
            <Button onClick={onLook}>Try now</Button>
          </div>
        </Note>
      ) : (
        <PictureStage picture={{ status: "loading" }} {...rest} />
      );
  }
}
