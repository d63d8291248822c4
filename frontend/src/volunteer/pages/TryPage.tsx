import { useEffect, useRef, useState } from "preact/hooks";
import { useRoute } from "preact-iso";
import { ApiError, api, upload } from "../../api/client";
import type { LabelList, PictureAnswer, PredictReply } from "../../api/types";
import { Button } from "../../shared/Button/Button";
import { ErrorNote } from "../../shared/ErrorNote/ErrorNote";
import { Progress } from "../../shared/Progress/Progress";
import { useLoad } from "../../shared/useLoad";
import { useTitle } from "../../shared/useTitle";
import { Shell } from "../Shell";
import { Answer, isNoChampion } from "../try/Answer";
import { forUpload } from "../try/photo";
import "../try/try.css";

type Stage =
  | { name: "empty" }
  | { name: "sending"; share: number }
  | { name: "answered"; answer: PictureAnswer }
  | { name: "failed"; error: unknown };

const SHOWN = 3;

function NoModelYet({ slug }: { slug: string }) {
  return (
    <div class="card stack">
      <h2>No classifier yet</h2>
      <p>
        This project is still collecting its first answers. A classifier appears by itself after
        enough of them, and then it can look at your photo.
      </p>
      <div>
        <a class="button" data-tone="primary" href={`/label/${slug}`}>
          Label some images
        </a>
      </div>
    </div>
  );
}

function usePreview(file: File | null): string | null {
  const [src, setSrc] = useState<string | null>(null);
  useEffect(() => {
    if (!file) return setSrc(null);
    const made = URL.createObjectURL(file);
    setSrc(made);
    return () => URL.revokeObjectURL(made);
  }, [file]);
  return src;
}

interface ChooserProps {
  file: File | null;
  onChoose: (file: File) => void;
}

function Chooser({ file, onChoose }: ChooserProps) {
  const [isOver, setOver] = useState(false);
  const [cannotShow, setCannotShow] = useState(false);
  const library = useRef<HTMLInputElement>(null);
  const camera = useRef<HTMLInputElement>(null);
  const src = usePreview(file);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another file may be showable.
  useEffect(() => setCannotShow(false), [file]);

  const choose = (files: FileList | null | undefined) => {
    const chosen = files?.[0];
    if (chosen) onChoose(chosen);
  };
  const onPick = (event: Event & { currentTarget: HTMLInputElement }) => {
    choose(event.currentTarget.files);
    // The same file may be chosen again.
    event.currentTarget.value = "";
  };

  return (
    <div class="stack">
      {/* biome-ignore lint/a11y/noStaticElementInteractions: dropping is an extra; the buttons do it all. */}
      <div
        class="drop"
        data-over={isOver}
        data-filled={src !== null && !cannotShow}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={(event) => {
          event.preventDefault();
          setOver(false);
          choose(event.dataTransfer?.files);
        }}
      >
        {src !== null && !cannotShow ? (
          <img class="drop-image" src={src} alt="Yours" onError={() => setCannotShow(true)} />
        ) : (
          <p class="soft">
            {cannotShow
              ? "Your browser cannot show this kind of picture; the server may still read it."
              : "Choose a photo, take one, or drop one here."}
          </p>
        )}
      </div>
      <div class="row">
        <Button tone={file ? "plain" : "primary"} onClick={() => library.current?.click()}>
          {file ? "Another photo" : "Choose a photo"}
        </Button>
        <Button onClick={() => camera.current?.click()}>Take a photo</Button>
      </div>
      <input
        ref={library}
        type="file"
        accept="image/*,.heic,.heif"
        hidden
        aria-label="Choose a photo"
        onChange={onPick}
      />
      <input
        ref={camera}
        type="file"
        accept="image/*"
        capture="environment"
        hidden
        aria-label="Take a photo"
        onChange={onPick}
      />
    </div>
  );
}

function useAsk(slug: string) {
  const [stage, setStage] = useState<Stage>({ name: "empty" });
  const running = useRef<AbortController | null>(null);
  useEffect(() => () => running.current?.abort(), []);

  const ask = async (file: File, mayKeep: boolean) => {
    running.current?.abort();
    const controller = new AbortController();
    running.current = controller;
    const show = (next: Stage) => !controller.signal.aborted && setStage(next);
    show({ name: "sending", share: 0 });
    try {
      const form = new FormData();
      form.set("image", await forUpload(file));
      form.set("k", String(SHOWN));
      if (mayKeep) form.set("queue", "true");
      const reply = await upload<PredictReply>(
        `projects/${slug}/predict`,
        form,
        (share) => show({ name: "sending", share }),
        controller.signal,
      );
      const answer = reply.results[0];
      if (answer && "top" in answer) show({ name: "answered", answer });
      else if (answer) throw new ApiError(answer.error.code, answer.error.message, 400);
    } catch (error) {
      show({ name: "failed", error });
    }
  };
  return { stage, ask };
}

function TryDesk({ slug, list }: { slug: string; list: LabelList }) {
  const [file, setFile] = useState<File | null>(null);
  const [mayKeep, setMayKeep] = useState(false);
  const { stage, ask } = useAsk(slug);

  const choose = (chosen: File) => {
    setFile(chosen);
    void ask(chosen, mayKeep);
  };

  if (isNoChampion(stage.name === "failed" ? stage.error : null)) return <NoModelYet slug={slug} />;
  return (
    <div class="try">
      <div class="stack">
        <Chooser file={file} onChoose={choose} />
        {list.may_queue ? (
          <label class="check">
            <input
              type="checkbox"
              checked={mayKeep}
              onChange={(event) => setMayKeep(event.currentTarget.checked)}
            />
            <span>Give my next photo to the project, so that people can label it.</span>
          </label>
        ) : (
          <p class="small soft">Your photo is looked at once and not kept.</p>
        )}
      </div>
      <div aria-busy={stage.name === "sending"}>
        {stage.name === "empty" && (
          <div class="stack soft">
            <p>The classifier names what it sees, best guess first, and says how sure it is.</p>
            <p class="small">It knows {list.labels.length} labels, and nothing else.</p>
          </div>
        )}
        {stage.name === "sending" && (
          <div class="stack" role="status">
            <p>{stage.share < 1 ? "Sending the photo …" : "Looking at it …"}</p>
            <Progress
              value={Math.round(stage.share * 100)}
              max={100}
              label="How much of the photo has been sent"
            />
          </div>
        )}
        {stage.name === "failed" && (
          <ErrorNote
            error={stage.error}
            onRetry={file ? () => void ask(file, mayKeep) : undefined}
          />
        )}
        {stage.name === "answered" && <Answer answer={stage.answer} list={list} />}
      </div>
    </div>
  );
}

export function TryPage() {
  const { slug = "" } = useRoute().params;
  const { data, error, reload } = useLoad(slug, (signal) =>
    api.get<LabelList>(`projects/${slug}/labels`, { signal }),
  );
  useTitle(data ? `Try ${data.name}` : "Try");
  return (
    <Shell
      key={data === null ? "loading" : "loaded"}
      nav={
        <a class="button" data-size="s" href={`/label/${slug}`}>
          Label images
        </a>
      }
    >
      {(data !== null || error !== null) && (
        <div class="stack">
          <h1>Try it on a photo</h1>
          {data && <p class="lead">{data.name}</p>}
        </div>
      )}
      {error !== null && <ErrorNote error={error} onRetry={reload} />}
      {data && (data.champion ? <TryDesk slug={slug} list={data} /> : <NoModelYet slug={slug} />)}
    </Shell>
  );
}
