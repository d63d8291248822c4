import { useState } from "preact/hooks";
import { api } from "../../api/client";
import { Button } from "../../shared/Button/Button";
import { ErrorNote } from "../../shared/ErrorNote/ErrorNote";
import { FEW_ANSWERS, moment, percent, plural } from "../format";
import { WIDEST_TO_SAY } from "../reach";
import { useAction } from "../useAction";
import { type Resource, useResource } from "../useResource";
import type { TopUp, TopUpPrice } from "./types";

/** Stands for every label in the list; the API takes an empty label for it. */
const EVERY = "*";
const WIDTHS = [0.05, 0.1, 0.15, 0.2];

interface TopUpCostProps {
  slug: string;
  labels: readonly { code: string; name: string }[];
}

/** What a narrower interval of one label takes, and asking for it. */
export function TopUpCost({ slug, labels }: TopUpCostProps) {
  const base = `staff/projects/${slug}`;
  const [code, setCode] = useState("");
  const [width, setWidth] = useState(0.1);
  const label = code === EVERY ? "" : code;
  const path = `${base}/top-up?label=${label}&half_width=${width}`;
  const price = useResource<TopUpPrice>(code ? path : null);
  const wanted = useResource<TopUp[]>(`${base}/top-ups`);
  const reload = () => {
    price.reload();
    wanted.reload();
  };
  return (
    <>
      <Wanted base={base} rows={wanted.data ?? []} onChange={reload} />
      <details>
        <summary>What would it take to know labels better?</summary>
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
                <option value={EVERY}>Every label (four in five within)</option>
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
          <ErrorNote error={price.error} onRetry={price.reload} />
          <p aria-live="polite">{code && priceWords(price, label, width)}</p>
          {code && price.data?.label === label && price.data.missing > 0 && (
            <Ask base={base} price={price.data} onDone={reload} />
          )}
        </div>
      </details>
    </>
  );
}

/** The price, once it is of what is chosen. */
function priceWords({ data, error }: Resource<TopUpPrice>, label: string, width: number): string {
  if (data?.label === label && data.half_width === width) return data.sentence;
  return error ? "" : "Working it out …";
}

interface AskProps {
  base: string;
  price: TopUpPrice;
  onDone: () => void;
}

function Ask({ base, price, onDone }: AskProps) {
  const { busy, run } = useAction();
  const ask = async () => {
    const body = { label: price.label, half_width: price.half_width };
    if (await run(() => api.post(`${base}/top-up`, body), "Asked for.")) onDone();
  };
  return (
    <div class="stack">
      <p class="soft small">
        Asked for, the audit images that tell most about {price.label ? "it" : "each label"} are
        asked about first, until that is known: mostly those that the classifier may be wrong about.
        Of new pictures like these up to {percent(price.share)} become audit images, and do not
        teach the classifier. Every figure allows for it. Meanwhile it takes longer to prove a new
        version better, because that rests on images asked about in random order.
      </p>
      <p>
        <Button busy={busy} onClick={() => void ask()}>
          {price.is_asked_for ? "Ask for this width instead" : "Ask for it"}
        </Button>
      </p>
    </div>
  );
}

interface WantedProps {
  base: string;
  rows: TopUp[];
  onChange: () => void;
}

/** Labels that staff want to know better. */
function Wanted({ base, rows, onChange }: WantedProps) {
  const { busy, run } = useAction();
  if (rows.length === 0) return null;
  const stop = async (row: TopUp) => {
    const said = "Stopped. What has become an audit image stays one.";
    if (await run(() => api.post(`${base}/top-ups/${row.id}/stop`), said)) onChange();
  };
  return (
    <section class="stack" aria-labelledby="top-ups-head">
      <h3 id="top-ups-head">Being measured more closely</h3>
      <ul class="label-list lines">
        {rows.map((row) => (
          <li key={row.id} class="line">
            <span>
              <strong>{row.label_name}</strong>
              <span class="soft small">{wantedWords(row)}</span>
            </span>
            <Button
              size="s"
              busy={busy}
              aria-label={`Stop measuring ${row.label ? row.label_name : "every label"} more closely`}
              onClick={() => void stop(row)}
            >
              Stop
            </Button>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** How far a request is: the width wanted, what is known, and what has come since. */
export function wantedWords({ half_width, now, n, seen, created_at }: TopUp): string {
  const wanted = `wanted to ±${Math.round(100 * half_width)} points`;
  const known =
    n < FEW_ANSWERS || now > WIDEST_TO_SAY
      ? "not known yet"
      : `known to ±${Math.round(100 * now)}, by ${plural(n, "audit image")}`;
  const came =
    seen === 0
      ? "no new picture that tells much has come"
      : `${plural(seen, "new picture")} that tell much came`;
  return `${wanted}; ${known}; ${came} since ${moment(created_at)}`;
}
