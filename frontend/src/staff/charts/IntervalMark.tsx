export interface IntervalMarkProps {
  estimate: number | null;
  low: number;
  high: number;
}

/**
 * An estimate and its interval on a scale from 0 to 100 %, with lines at 0, 50 and 100. An unknown
 * one is the empty scale. The figures stand beside it in words, so it is silent.
 */
export function IntervalMark({ estimate, low, high }: IntervalMarkProps) {
  return (
    <svg class="interval-mark" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
      {[0, 50, 100].map((x) => (
        <line key={x} class="interval-tick" x1={x} x2={x} y1="0" y2="10" />
      ))}
      <line class="interval-axis" x1="0" x2="100" y1="5" y2="5" />
      {estimate !== null && (
        <>
          <line class="interval-line" x1={low * 100} x2={high * 100} y1="5" y2="5" />
          <line class="interval-point" x1={estimate * 100} x2={estimate * 100} y1="0" y2="10" />
        </>
      )}
    </svg>
  );
}
