import "./IntervalMark.css";

export interface IntervalMarkProps {
  estimate: number | null;
  low: number;
  high: number;
  /** A line to be seen against, 0 to 1: under it is too low. */
  floor?: number | undefined;
}

/**
 * An estimate and its interval on a scale from 0 to 100 %, with lines at 0, 50 and 100. An unknown
 * one is the empty scale; one wholly under the floor is drawn in another colour. The figures stand
 * beside it in words, so it is silent.
 */
export function IntervalMark({ estimate, low, high, floor }: IntervalMarkProps) {
  const x = (share: number) => 100 * Math.min(1, Math.max(0, share));
  return (
    <svg
      class="interval-mark"
      viewBox="0 0 100 10"
      preserveAspectRatio="none"
      aria-hidden="true"
      data-under={floor !== undefined && estimate !== null && high < floor}
    >
      {[0, 50, 100].map((at) => (
        <line key={at} class="interval-tick" x1={at} x2={at} y1="0" y2="10" />
      ))}
      <line class="interval-axis" x1="0" x2="100" y1="5" y2="5" />
      {floor !== undefined && (
        <line class="interval-floor" x1={x(floor)} x2={x(floor)} y1="-2" y2="12" />
      )}
      {estimate !== null && (
        <>
          <line class="interval-line" x1={x(low)} x2={x(high)} y1="5" y2="5" />
          <line class="interval-point" x1={x(estimate)} x2={x(estimate)} y1="0" y2="10" />
        </>
      )}
    </svg>
  );
}
