import { useEffect } from "preact/hooks";

/** The document's title while this screen is shown. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = title === "" ? "Larder" : `${title} · Larder`;
  }, [title]);
}
