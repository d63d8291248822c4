import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, isAbort } from "../../api/client";
import type { AnnotationKind } from "../../api/types";
import { drop, needsMore, type Round, reopen, settle, take } from "./round";
import { type Decision, setGold, type Task, type TaskName } from "./tasks";

/** How many decisions can be taken back one after the other. */
const HISTORY = 20;
/** The same as on the labeling page: a second press within this time is the same press. */
const MIN_LOOK_MS = 250;
const GONE = new Set(["nothing_to_decide", "image_not_found", "audit_image", "image_not_usable"]);
const GONE_WORDS: Record<TaskName, string> = {
  settle: "Somebody else settled that one meanwhile. Here is the next.",
  gold: "That one cannot be gold any more. Here is the next.",
};

export async function loadRound(task: Task, signal?: AbortSignal): Promise<Round> {
  const [batch, settled] = await Promise.all([task.ask(null, signal), task.done(signal)]);
  return { images: batch.images, left: batch.left, settled };
}

/** What waits for an expert, one at a time: decide, skip, take back, keep as gold. */
export function useExpert(slug: string, task: Task, start: Round) {
  const [round, setRound] = useState(start);
  const [past, setPast] = useState<readonly Decision[]>([]);
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const [notice, setNotice] = useState("");
  const lastSeen = useRef<string | null>(null);
  const shownAt = useRef(Date.now());
  /** The image whose decision was sent without a reply. */
  const uncertain = useRef<string | null>(null);
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
    task.ask(behind ?? lastSeen.current, controller.signal).then(
      (batch) => setRound((now) => ({ ...take(now, batch.images), left: batch.left })),
      (failure) => !isAbort(failure) && setError(failure),
    );
    return () => controller.abort();
  }, [task, isShort, behind]);

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

  const decide = (kind: AnnotationKind, label: string | null, labels?: readonly string[]) => {
    if (!current) return;
    const hadArrived = uncertain.current === current.id;
    void run(async () => {
      try {
        const { decision, left } = await task.decide(current, kind, label, labels);
        setPast((now) => [...now, decision].slice(-HISTORY));
        setRound((now) => settle(now, current.id, left ?? Math.max(0, now.left - 1)));
      } catch (failure) {
        if (failure instanceof ApiError && failure.isTemporary) uncertain.current = current.id;
        if (!(failure instanceof ApiError) || !GONE.has(failure.code)) throw failure;
        if (hadArrived) {
          setRound((now) => settle(now, current.id, Math.max(0, now.left - 1)));
          setNotice("Your first try had arrived after all, and stands. Here is the next.");
          return;
        }
        setRound((now) => ({ ...drop(now, current.id), left: Math.max(0, now.left - 1) }));
        setNotice(GONE_WORDS[task.name]);
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
      await task.takeBack(last);
      setPast((now) => now.slice(0, -1));
      setRound((now) => reopen(now, last.image));
      setNotice("Taken back. Here it is again.");
    });
  };

  /** Make the last decision a gold reference, or change its note. */
  const keepAsGold = (note: string) => {
    const last = past.at(-1);
    if (!last?.label) return;
    const labels = last.labels?.length ? last.labels : [last.label];
    void run(async () => {
      await setGold(slug, last.image, labels, note);
      setPast((now) => [...now.slice(0, -1), { ...last, isGold: true, note: note.trim() }]);
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
    keepAsGold,
  };
}
