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

const LINE = 2;
const DASH = [5, 4];
const POINT = 6;

export interface Axis {
  range: uPlot.Scale.Range;
  /** Room for the words beside the axis, in pixels. */
  size: number;
  words?: (value: number) => string;
}

/** An estimate with its interval as a band, and a second series on the axis at the right. */
export interface BandChart {
  /** Whether the horizontal axis is time; else it is a number with these words under it. */
  along: "time" | { label: string };
  estimate: Axis & { spanGaps?: boolean };
  second: Axis & { token: string; isShown: boolean; hasPoints: boolean };
  /** Whether three columns more are a forecast: its middle, low and high. */
  hasForecast?: boolean;
}

/** Options for columns x, estimate, low, high, second, and those of a forecast where there is one. */
export function bandOptions(
  width: number,
  { along, estimate, second, hasForecast = false }: BandChart,
): uPlot.Options {
  const line = colour("--series-1");
  const other = colour(second.token);
  const font = `12px ${colour("--font") || "sans-serif"}`;
  const grid = { stroke: colour("--line"), width: 1 };
  const base = { stroke: colour("--ink-soft"), font, labelFont: font, ticks: grid };
  const bare = { ...base, grid: { show: false } };
  const edge = { stroke: line, width: 0, points: { show: false } };
  const dots = (fill: string) => ({ show: true, size: POINT, fill });
  return {
    width,
    height: CHART_HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    scales: {
      x: { time: along === "time" },
      y: { range: estimate.range },
      second: { range: second.range },
    },
    axes: [
      along === "time" ? bare : { ...bare, label: along.label },
      { ...base, grid, size: estimate.size, ...written(estimate) },
      {
        ...bare,
        scale: "second",
        side: 1,
        show: second.isShown,
        size: second.size,
        ...written(second),
      },
    ],
    series: [
      {},
      { stroke: line, width: LINE, spanGaps: estimate.spanGaps ?? false, points: dots(line) },
      edge,
      edge,
      {
        stroke: other,
        width: LINE,
        dash: DASH,
        scale: "second",
        show: second.isShown,
        points: second.hasPoints ? dots(other) : { show: false },
      },
      ...(hasForecast
        ? [{ stroke: line, width: LINE, dash: DASH, points: { show: false } }, edge, edge]
        : []),
    ],
    bands: [
      { series: [3, 2], fill: `${line}30` },
      ...(hasForecast ? [{ series: [7, 6] as uPlot.Band.Bounds, fill: `${line}18` }] : []),
    ],
  };
}

function written({ words }: Axis): Pick<uPlot.Axis, "values"> {
  return words ? { values: (_, ticks) => ticks.map(words) } : {};
}
