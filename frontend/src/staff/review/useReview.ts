import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, api, isAbort } from "../../api/client";
import type { AnnotationKind } from "../../api/types";
import { uuid } from "../../shared/uuid";
import {
  BATCH,
  type Decision,
  type Doubt,
  decidedWords,
  drop,
  FEWEST,
  type Found,
  type ReviewList,
  type Settled,
  take,
} from "./review";

/** How many decisions can be taken back one after the other: as many as the server allows. */
const HISTORY = 20;
/** The same as on the labeling page: a second press within this time is the same press. */
const MIN_LOOK_MS = 250;
const GONE = new Set(["nothing_to_review", "image_not_found"]);

/** Doubted labels one at a time: decide, leave for later, take back. */
export function useReview(slug: string) {
  const base = `staff/projects/${slug}/label-errors`;
  const [hand, setHand] = useState<Doubt[]>([]);
  const [found, setFound] = useState<Found | null>(null);
  const [past, setPast] = useState<readonly Decision[]>([]);
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const [notice, setNotice] = useState("");
  const [round, setRound] = useState(0);
  const lastSeen = useRef<Doubt | null>(null);
  const shownAt = useRef(Date.now());
  const [current, next] = hand;

  useEffect(() => {
    shownAt.current = Date.now();
    if (current) lastSeen.current = current;
  }, [current]);

  useEffect(() => {
    if (next) new Image().src = next.image.url;
  }, [next]);

  const isShort = found === null || (hand.length < FEWEST && hand.length < found.open);
  const behind = hand.at(-1);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `round` is how a retry asks again.
  useEffect(() => {
    if (!isShort) return;
    const controller = new AbortController();
    const after = behind ?? lastSeen.current;
    const place = after && { after: after.image.id, after_label: after.given.code };
    const query = new URLSearchParams({ count: String(BATCH), ...place });
    api.get<ReviewList>(`${base}?${query}`, { signal: controller.signal }).then(
      (list) => {
        // A list that has less than it says is at its end for now: nothing asks again and again.
        setHand((now) => take(now, list.items));
        setFound(list.found);
      },
      (failure) => !isAbort(failure) && setError(failure),
    );
    return () => controller.abort();
  }, [base, isShort, behind, round]);

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

  const mayDecide = () =>
    current !== undefined && !isBusy && Date.now() - shownAt.current >= MIN_LOOK_MS;

  const decide = (kind: AnnotationKind, label: { code: string; name: string } | null = null) => {
    if (!current || !mayDecide()) return;
    void run(async () => {
      try {
        const body = { kind, label: label?.code ?? null };
        const done = await api.post<Settled>(`${base}/${current.image.id}`, body);
        const words = decidedWords(kind, current, label?.name ?? null);
        const decision = { annotation: done.annotation.id, doubt: current, words };
        setPast((now) => [...now, decision].slice(-HISTORY));
        setFound(done.found);
      } catch (failure) {
        if (!(failure instanceof ApiError) || !GONE.has(failure.code)) throw failure;
        setNotice("Somebody else settled that one meanwhile. Here is the next.");
        setFound((now) => now && { ...now, open: Math.max(0, now.open - 1) });
      }
      setHand((now) => drop(now, current));
    });
  };

  const later = () => {
    if (!current || !found || isBusy) return;
    setNotice(found.open === 1 ? "This is the only one left." : "");
    if (found.open > 1) setHand((now) => drop(now, current));
  };

  const undo = () => {
    const last = past.at(-1);
    if (!last || isBusy) return;
    void run(async () => {
      await api.post(`projects/${slug}/annotations/${last.annotation}/undo`, { key: uuid() });
      const list = await api.get<ReviewList>(`${base}?count=1`);
      setPast((now) => now.slice(0, -1));
      setHand((now) => [last.doubt, ...drop(now, last.doubt)]);
      setFound(list.found);
      setNotice("Taken back. Here it is again.");
    });
  };

  const retry = () => {
    setError(null);
    setRound((n) => n + 1);
  };

  return {
    current,
    found,
    last: past.at(-1) ?? null,
    isBusy,
    error,
    notice,
    decide,
    later,
    undo,
    retry,
  };
}
