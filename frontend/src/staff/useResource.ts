import { useCallback, useEffect, useState } from "preact/hooks";
import { api, isAbort } from "../api/client";

export interface Resource<T> {
  data: T | null;
  error: unknown;
  reload: () => void;
}

/** GET once, and again after `reload`; old data stays on the page meanwhile. */
export function useResource<T>(path: string | null): Resource<T> {
  const [data, setData] = useState<T | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [round, setRound] = useState(0);

  // biome-ignore lint/correctness/useExhaustiveDependencies: `round` is how reload asks again.
  useEffect(() => {
    if (path === null) return;
    const controller = new AbortController();
    api.get<T>(path, { signal: controller.signal }).then(
      (answer) => {
        setData(answer);
        setError(null);
      },
      (failure) => {
        if (!isAbort(failure)) setError(failure);
      },
    );
    return () => controller.abort();
  }, [path, round]);

  return { data, error, reload: useCallback(() => setRound((n) => n + 1), []) };
}
