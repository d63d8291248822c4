import { useCallback, useEffect, useState } from "preact/hooks";
import { isAbort } from "../api/client";

export interface Loaded<T> {
  data: T | null;
  error: unknown;
  reload: () => void;
}

/** Run `load` when `key` changes; the one before is aborted and never overwrites the one after. */
export function useLoad<T>(key: string, load: (signal: AbortSignal) => Promise<T>): Loaded<T> {
  const [data, setData] = useState<T | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [turn, setTurn] = useState(0);

  // biome-ignore lint/correctness/useExhaustiveDependencies: `key` stands for what `load` closes over.
  useEffect(() => {
    const controller = new AbortController();
    setData(null);
    setError(null);
    load(controller.signal).then(
      (loaded) => !controller.signal.aborted && setData(loaded),
      (failure) => !isAbort(failure) && !controller.signal.aborted && setError(failure),
    );
    return () => controller.abort();
  }, [key, turn]);

  return { data, error, reload: useCallback(() => setTurn((n) => n + 1), []) };
}
