import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, api, isAbort } from "../../api/client";
import type { AnnotationKind, Decided, ExpertBatch, ImageRef, Said } from "../../api/types";
import { uuid } from "../../shared/uuid";
import { BATCH, drop, needsMore, type Round, reopen, settle, take } from "./round";

export interface Decision {
  annotation: string;
  image: ImageRef;
  kind: AnnotationKind;
  label: string | null;
  answers: readonly Said[];
}

/** How many decisions can be taken back one after the other. */
const HISTORY = 20;
/** The same as on the labeling page: a second press within this time is the same press. */
const MIN_LOOK_MS = 250;
const GONE = new Set(["nothing_to_decide", "image_not_found"]);

export async function loadRound(slug: string, signal?: AbortSignal): Promise<Round> {
  const batch = await ask(slug, null, signal);
  return { images: imagesOf(batch), left: batch.left, settled: batch.settled_by_you };
}

function ask(slug: string, after: string | null, signal?: AbortSignal): Promise<ExpertBatch> {
  const query = new URLSearchParams({ count: String(BATCH), ...(after && { after }) });
  return api.get<ExpertBatch>(`projects/${slug}/expert?${query}`, { signal });
}

function imagesOf(batch: ExpertBatch): ImageRef[] {
  return batch.items.map((item) => item.image);
}

/** What waits for an expert, one at a time: decide, skip, take back. */
export function useExpert(slug: string, start: Round) {
  const [round, setRound] = useState(start);
  const [past, setPast] = useState<readonly Decision[]>([]);
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const [notice, setNotice] = useState("");
  const lastSeen = useRef<string | null>(null);
  const shownAt = useRef(Date.now());
  const current = round.images[0];
  const next = round.images[1];

  useEffect(() => {
    shownAt.current = Date.now();
    if (current) lastSeen.current = current.id;
  }, [current]);

  useEffect(() => {
    if (next) new Image().src = next.url;
  }, [next]);

  const isShort = needsMore(round);
  const behind = round.images.at(-1)?.id;
  useEffect(() => {
    if (!isShort) return;
    const controller = new AbortController();
    ask(slug, behind ?? lastSeen.current, controller.signal).then(
      (batch) => setRound((now) => ({ ...take(now, imagesOf(batch)), left: batch.left })),
      (failure) => !isAbort(failure) && setError(failure),
    );
    return () => controller.abort();
  }, [slug, isShort, behind]);

  const run = async (work: () => Promise<void>) => {
    setBusy(true);
    setError(null);
    setNotice("");
    try {
      await work();
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  };

  const decide = (kind: AnnotationKind, label: string | null) => {
    if (!current) return;
    void run(async () => {
      try {
        const path = `projects/${slug}/expert/${current.id}`;
        const done = await api.post<Decided>(path, { kind, label });
        const decision = { image: current, kind, label, answers: done.answers };
        setPast((now) => [...now, { ...decision, annotation: done.annotation.id }].slice(-HISTORY));
        setRound((now) => settle(now, current.id, done.left));
      } catch (failure) {
        if (!(failure instanceof ApiError) || !GONE.has(failure.code)) throw failure;
        setRound((now) => ({ ...drop(now, current.id), left: Math.max(0, now.left - 1) }));
        setNotice("Somebody else settled that one meanwhile. Here is the next.");
      }
    });
  };

  const skip = () => {
    if (!current) return;
    setError(null);
    setNotice(round.left === 1 ? "This is the only one left." : "");
    if (round.left > 1) setRound((now) => drop(now, current.id));
  };

  const undo = () => {
    const last = past.at(-1);
    if (!last) return;
    void run(async () => {
      await api.post(`projects/${slug}/annotations/${last.annotation}/undo`, { key: uuid() });
      setPast((now) => now.slice(0, -1));
      setRound((now) => reopen(now, last.image));
      setNotice("Taken back. Here it is again.");
    });
  };

  return {
    round,
    current,
    isWaiting: !current && round.left > 0,
    last: past.at(-1) ?? null,
    isBusy,
    error,
    notice,
    mayDecide: () =>
      current !== undefined && !isBusy && Date.now() - shownAt.current >= MIN_LOOK_MS,
    decide,
    skip,
    undo,
  };
}
