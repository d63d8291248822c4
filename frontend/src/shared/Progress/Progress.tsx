import "./Progress.css";

export interface ProgressProps {
  value: number;
  max: number;
  label: string;
}

/** A bar with its name for screen readers; with `max` 0 nothing is known yet and it stays empty. */
export function Progress({ value, max, label }: ProgressProps) {
  const share = max > 0 ? Math.min(1, Math.max(0, value / max)) : 0;
  return (
    <div
      class="progress"
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={max}
      aria-valuenow={Math.min(value, max)}
      aria-valuetext={`${value} of ${max}`}
    >
      <div class="progress-fill" style={{ inlineSize: `${share * 100}%` }} />
    </div>
  );
}
