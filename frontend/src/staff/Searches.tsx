import { useEffect, useRef, useState } from "preact/hooks";
import { api } from "../api/client";
import { Button } from "../shared/Button/Button";
import { Dialog } from "../shared/Dialog/Dialog";
import { ErrorNote } from "../shared/ErrorNote/ErrorNote";
import { plural } from "./format";
import type { Search } from "./types";
import { useAction } from "./useAction";
import { useResource } from "./useResource";

const LOOK_AGAIN_MS = 4000;

/** Pictures asked for in one go. */
export const WANTED = 20;

export interface SearchesProps {
  base: string;
  /** Another number is a reason to look again. */
  round: number;
}

/** What staff want more of, while people are still answering it. */
export function Searches({ base, round }: SearchesProps) {
  const { data, error, reload } = useResource<Search[]>(`${base}/find-more`);
  const { busy, run } = useAction();
  const isOpen = data !== null && data.length > 0;

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new search is the reason to look.
  useEffect(reload, [round]);
  // What was just asked for may stand far from the button: go there, and let it be read out.
  const head = useRef<HTMLHeadingElement>(null);
  const shown = useRef(round);
  useEffect(() => {
    if (!isOpen || shown.current === round) return;
    shown.current = round;
    head.current?.scrollIntoView({ block: "center" });
    head.current?.focus({ preventScroll: true });
  }, [isOpen, round]);
  useEffect(() => {
    if (!isOpen) return;
    const timer = setInterval(reload, LOOK_AGAIN_MS);
    return () => clearInterval(timer);
  }, [isOpen, reload]);

  if (error) return <ErrorNote error={error} onRetry={reload} />;
  if (!isOpen) return null;
  const stop = async (search: Search) => {
    const path = `${base}/find-more/${search.id}/stop`;
    if (await run(() => api.post(path), "Stopped. What is answered stays.")) reload();
  };
  return (
    <section class="card stack searches" aria-labelledby="searches">
      <h2 id="searches" tabIndex={-1} ref={head}>
        Wanted: more like these
      </h2>
      <p class="soft small">People are shown these pictures before all others.</p>
      <ul class="label-list lines">
        {data.map((search) => (
          <li key={search.id} class="search-line">
            <span class="row">
              {search.like.map((id) => (
                <img key={id} class="search-example" src={`/api/v1/images/${id}/thumb`} alt="" />
              ))}
            </span>
            <span>
              <strong>{search.label_name || plural(search.n_like, "picture")}</strong>
              <br />
              <span class="soft small">{progress(search)}</span>
            </span>
            <Button
              size="s"
              busy={busy}
              aria-label={`Stop looking for ${search.label_name || "these"}`}
              onClick={() => stop(search)}
            >
              Stop
            </Button>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** How far a search is, in words. */
export function progress(search: Pick<Search, "found" | "answered">): string {
  if (search.found === null) return "Looking through the pictures…";
  return `${search.answered} of ${plural(search.found, "picture")} answered`;
}

export interface FindMoreProps {
  base: string;
  /** The label whose newest pictures to go by, or one picture. */
  like: { label: string } | { images: string[] };
  name: string;
  onDone?: () => void;
}

/** Ask for more pictures like a label's, or like one; it changes what everybody is shown next. */
export function FindMore({ base, like, name, onDone }: FindMoreProps) {
  const { busy, run } = useAction();
  const [isAsking, setAsking] = useState(false);
  const find = async () => {
    const said = `Looking for up to ${WANTED} pictures like ${name}.`;
    if (await run(() => api.post(`${base}/find-more`, { ...like, count: WANTED }), said)) {
      setAsking(false);
      onDone?.();
    }
  };
  return (
    <>
      <Button
        size="s"
        tone="quiet"
        aria-label={`Find more like ${name}`}
        onClick={() => setAsking(true)}
      >
        Find more
      </Button>
      <Dialog open={isAsking} title={`Find more like ${name}?`} onClose={() => setAsking(false)}>
        <p>
          Up to {WANTED} pictures that nobody has labeled yet and that look most like{" "}
          {"label" in like ? "those labeled so last" : "it"} are shown to people before all others.
          You can stop it at any time.
        </p>
        <div class="dialog-actions">
          <Button onClick={() => setAsking(false)}>Cancel</Button>
          <Button tone="primary" busy={busy} onClick={() => void find()}>
            Find them
          </Button>
        </div>
      </Dialog>
    </>
  );
}
