import type { RefObject } from "preact";
import { useEffect, useState } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

export const CHART_HEIGHT = 260;

interface Drawn {
  options: uPlot.Options;
  data: uPlot.AlignedData;
}

/** Draw into `host` while `isShown`; again when `parts`, the width or the colours change. */
export function usePlot(
  host: RefObject<HTMLDivElement | null>,
  isShown: boolean,
  parts: readonly unknown[],
  draw: (width: number) => Drawn,
): void {
  const scheme = useColourScheme();

  // biome-ignore lint/correctness/useExhaustiveDependencies: `parts` is what `draw` closes over.
  useEffect(() => {
    const element = host.current;
    if (!element || !isShown) return;
    const { options, data } = draw(element.clientWidth);
    const plot = new uPlot(options, data, element);
    const resize = new ResizeObserver(() =>
      plot.setSize({ width: element.clientWidth, height: CHART_HEIGHT }),
    );
    resize.observe(element);
    return () => {
      resize.disconnect();
      plot.destroy();
    };
  }, [isShown, scheme, ...parts]);
}

function useColourScheme(): string {
  const query = "(prefers-color-scheme: dark)";
  const [isDark, setDark] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const list = matchMedia(query);
    const onChange = () => setDark(list.matches);
    list.addEventListener("change", onChange);
    return () => list.removeEventListener("change", onChange);
  }, []);
  return isDark ? "dark" : "light";
}

/** A colour of the tokens as the page has it now; the canvas knows no variables. */
export function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
