import { useEffect, useState } from "preact/hooks";
import { isAbort } from "../../api/client";
import type { LabelingPage } from "../../api/types";
import { uuid } from "../../shared/uuid";
import { openOutbox } from "./outbox";
import { browserLoader } from "./pictures";
import { LabelingQueue } from "./queue";
import type { Clock, QueueState } from "./queueState";
import { clientId, httpTransport, loadLabeling, loadPast } from "./transport";

const browserClock: Clock = {
  now: () => Date.now(),
  after: (ms, then) => {
    const timer = setTimeout(then, ms);
    return () => clearTimeout(timer);
  },
};

/** While there is nothing to do, look again: often where images are about to come. */
const LOOK_AGAIN_MS = 5000;
const ABOUT_TO_COME = new Set(["no_images", "images_coming", "held_by_others"]);
const LOOKS_SKIPPED = 5;

export interface Labeling {
  page: LabelingPage;
  queue: LabelingQueue;
  isDurable: boolean;
}

async function open(slug: string, signal: AbortSignal): Promise<Labeling> {
  const page = await loadLabeling(slug, signal);
  const [outbox, history] = await Promise.all([openOutbox(), loadPast(slug, signal)]);
  signal.throwIfAborted();
  const client = clientId();
  const queue = new LabelingQueue({
    transport: httpTransport(slug, client),
    outbox,
    loader: browserLoader,
    clock: browserClock,
    uuid,
    owner: `${slug}/${page.annotator.id}`,
    client,
    window: page.project.client_window,
    progress: page.progress,
    history,
    onboarding: page.onboarding ?? null,
  });
  return { page, queue, isDurable: outbox.isDurable };
}

/** The labeling page's data and its queue, from the first request to leaving the page. */
export function useLabeling(slug: string) {
  const [labeling, setLabeling] = useState<Labeling | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [turn, setTurn] = useState(0);

  // biome-ignore lint/correctness/useExhaustiveDependencies: `turn` asks again.
  useEffect(() => {
    const controller = new AbortController();
    let opened: LabelingQueue | null = null;
    setError(null);
    setLabeling(null);
    open(slug, controller.signal).then(
      (ready) => {
        if (controller.signal.aborted) return;
        opened = ready.queue;
        setLabeling(ready);
        // What a page loaded anew still holds was about to be given back.
        void ready.queue.start().then(() => ready.queue.renew());
      },
      (failure) => !isAbort(failure) && setError(failure),
    );
    return () => {
      controller.abort();
      opened?.leave();
      opened?.close();
    };
  }, [slug, turn]);

  return { labeling, error, reload: () => setTurn((n) => n + 1) };
}

export function useQueueState(queue: LabelingQueue): QueueState {
  const [state, setState] = useState(queue.state);
  useEffect(() => {
    setState(queue.state);
    return queue.subscribe(() => setState(queue.state));
  }, [queue]);
  return state;
}

/** Renew while visible, give back when leaving, wake when the network or the page is back. */
export function useQueueLife({ queue, page, isDurable }: Labeling): void {
  const ttl = page.project.assignment_ttl_s;
  useEffect(() => {
    const renewal = setInterval(() => !document.hidden && void queue.renew(), (ttl * 1000) / 3);
    let looks = 0;
    const looking = setInterval(() => {
      const { phase, isRetrying, done } = queue.state;
      if (document.hidden || phase !== "done" || isRetrying) return;
      looks += 1;
      const isSoon = ABOUT_TO_COME.has(done?.code ?? "");
      if (isSoon || looks % LOOKS_SKIPPED === 0) void queue.wake();
    }, LOOK_AGAIN_MS);
    const onOnline = () => void queue.wake();
    const onVisibility = () => {
      queue.setVisible(!document.hidden);
      // Renewed at once: the turn of the timer may come too late for what waited while hidden.
      if (!document.hidden) void queue.wake().then(() => queue.renew());
    };
    const onHide = () => queue.leave();
    const onShow = (event: PageTransitionEvent) => {
      if (event.persisted) void queue.returned().then(() => queue.renew());
    };
    const onUnload = (event: BeforeUnloadEvent) => {
      if (!isDurable && queue.state.unsent > 0) event.preventDefault();
    };
    window.addEventListener("online", onOnline);
    document.addEventListener("visibilitychange", onVisibility);
    window.addEventListener("pagehide", onHide);
    window.addEventListener("pageshow", onShow);
    window.addEventListener("beforeunload", onUnload);
    return () => {
      clearInterval(renewal);
      clearInterval(looking);
      window.removeEventListener("online", onOnline);
      document.removeEventListener("visibilitychange", onVisibility);
      window.removeEventListener("pagehide", onHide);
      window.removeEventListener("pageshow", onShow);
      window.removeEventListener("beforeunload", onUnload);
    };
  }, [queue, ttl, isDurable]);
}
