import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { getIfChanged, isAbort } from "../api/client";

export interface Polled<T> {
  data: T | null;
  error: unknown;
  refresh: () => void;
}

const SLOWEST_MS = 60_000;

/**
 * Ask a conditional endpoint again and again: 304 keeps the same object (no re-render), a hidden
 * page asks nothing, trouble doubles the wait up to a minute. `path` null asks nothing.
 */
export function usePolling<T>(path: string | null, everyMs: number): Polled<T> {
  const [data, setData] = useState<T | null>(null);
  const [error, setError] = useState<unknown>(null);
  const askNow = useRef<() => void>(() => {});

  useEffect(() => {
    setData(null);
    setError(null);
    if (path === null) return;
    const controller = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let etag: string | null = null;
    let wait = everyMs;
    let isAsking = false;

    const schedule = () => {
      clearTimeout(timer);
      if (!controller.signal.aborted && !document.hidden) timer = setTimeout(ask, wait);
    };
    const ask = async () => {
      if (isAsking) return;
      isAsking = true;
      clearTimeout(timer);
      try {
        const answer = await getIfChanged<T>(path, etag, controller.signal);
        if (answer.changed) {
          etag = answer.etag;
          setData(answer.data);
        }
        setError(null);
        wait = everyMs;
      } catch (failure) {
        if (isAbort(failure)) return;
        setError(failure);
        wait = Math.min(wait * 2, SLOWEST_MS);
      } finally {
        isAsking = false;
      }
      schedule();
    };
    const onVisibility = () => {
      if (document.hidden) clearTimeout(timer);
      else void ask();
    };

    askNow.current = () => void ask();
    document.addEventListener("visibilitychange", onVisibility);
    void ask();
    return () => {
      controller.abort();
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", onVisibility);
      askNow.current = () => {};
    };
  }, [path, everyMs]);

  return { data, error, refresh: useCallback(() => askNow.current(), []) };
}
