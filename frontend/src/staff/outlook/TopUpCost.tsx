import { useState } from "preact/hooks";
import { ErrorNote } from "../../shared/ErrorNote/ErrorNote";
import { useResource } from "../useResource";

const WIDTHS = [0.05, 0.1, 0.15, 0.2];

interface TopUpCostProps {
  slug: string;
  labels: readonly { code: string; name: string }[];
}

/** What a narrower interval of one label takes in answers, and what there is left to ask about. */
export function TopUpCost({ slug, labels }: TopUpCostProps) {
  const [code, setCode] = useState("");
  const [width, setWidth] = useState(0.1);
  const path = `staff/projects/${slug}/top-up?label=${code}&half_width=${width}`;
  const { data, error, reload } = useResource<{ sentence: string }>(code ? path : null);
  return (
    <details>
      <summary>What would it take to know a label better?</summary>
      <div class="stack">
        <div class="row">
          <div class="field">
            <label for="top-up-label">Label to know better</label>
            <select
              id="top-up-label"
              class="input"
              value={code}
              onChange={(event) => setCode(event.currentTarget.value)}
            >
              <option value="">Choose one</option>
              {labels.map((label) => (
                <option key={label.code} value={label.code}>
                  {label.name}
                </option>
              ))}
            </select>
          </div>
          <div class="field">
            <label for="top-up-width">To within</label>
            <select
              id="top-up-width"
              class="input"
              value={String(width)}
              onChange={(event) => setWidth(Number(event.currentTarget.value))}
            >
              {WIDTHS.map((one) => (
                <option key={one} value={String(one)}>
                  ±{Math.round(100 * one)} points
                </option>
              ))}
            </select>
          </div>
        </div>
        <ErrorNote error={error} onRetry={reload} />
        <p aria-live="polite">{code && data ? data.sentence : ""}</p>
      </div>
    </details>
  );
}
