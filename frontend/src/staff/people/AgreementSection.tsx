import { useState } from "preact/hooks";
import { api } from "../../api/client";
import { Button } from "../../shared/Button/Button";
import { ErrorNote } from "../../shared/ErrorNote/ErrorNote";
import { IntervalMark } from "../../shared/IntervalMark/IntervalMark";
import { count } from "../../shared/numbers";
import { AgreementChart } from "../charts/AgreementChart";
import { DECIMAL, decimal, IntervalBars } from "../charts/IntervalBars";
import { moment, percent, plural } from "../format";
import { Loading } from "../Loading";
import { ShowAll } from "../ShowAll";
import { useAction } from "../useAction";
import { useResource } from "../useResource";
import type { Adjudication, Agreement } from "./types";

const ROWS_AT_FIRST = 8;

/** How far people agree, beyond chance; what an export still gets wrong; what experts changed. */
export function AgreementSection({ slug }: { slug: string }) {
  const base = `staff/projects/${slug}`;
  const { data, error, reload } = useResource<Agreement>(`${base}/agreement`);
  const { busy, run } = useAction();
  const again = async () => {
    if (await run(() => api.post(`${base}/agreement`, {}), "Measured now.")) reload();
  };
  return (
    <section class="card stack">
      <div class="section-head">
        <h2>Agreement</h2>
        <Button size="s" tone="quiet" busy={busy} onClick={again}>
          Measure now
        </Button>
      </div>
      <ErrorNote error={error} onRetry={reload} />
      {!data && !error && <Loading />}
      {data && !data.now && (
        <p class="empty">
          Not measured yet. It takes images which two people have answered, and is measured once a
          day by itself.
        </p>
      )}
      {data?.now && <Figures now={data.now} />}
      {data?.now && <AgreementChart points={data.points} />}
      {data?.now && <ByLabel now={data.now} />}
      <Adjudicated base={base} slug={slug} />
    </section>
  );
}

type Now = NonNullable<Agreement["now"]>;

function Figures({ now }: { now: Now }) {
  const { alpha, expected_error: error } = now;
  return (
    <div class="agreement-figures">
      <div class="stack">
        <h3>Krippendorff's alpha</h3>
        <p class="figure" data-pale={alpha === null}>
          {alpha === null ? "unknown" : decimal(alpha.estimate)}
        </p>
        {alpha && <IntervalMark {...alpha} />}
        <p class="soft small">
          {alpha
            ? `Between ${decimal(alpha.low)} and ${decimal(alpha.high)} with 95 % confidence. `
            : "Too few images were answered twice. "}
          1 is agreement on everything, 0 is what chance would give. From{" "}
          {plural(now.n_answers, "answer")} on {plural(now.n_images, "image")}, {moment(now.at)}.
        </p>
      </div>
      <div class="stack">
        <h3>Expected wrong labels in an export</h3>
        <p class="figure" data-pale={error === null}>
          {error === null ? "unknown" : `${(error * 100).toFixed(1)} %`}
        </p>
        {error !== null && <p class="soft small">{expectedSentence(now)}</p>}
        {now.expected_error_basis === "model" && (
          <p>
            <span class="pill" data-tone="warn">
              Checked by nobody yet
            </span>
          </p>
        )}
      </div>
    </div>
  );
}

/** How many labels of an export are wrong, with its interval, and what that rests on. */
export function expectedSentence(now: Now): string {
  const { expected_error: error, expected_error_interval: range, n_exported: n } = now;
  if (error === null) return "";
  const about = `About ${count(Math.round(error * n))} of ${count(n)} labels`;
  const between = range
    ? `, between ${count(Math.round(range[0] * n))} and ${count(Math.round(range[1] * n))} with 95 % confidence. `
    : ". ";
  const basis =
    now.expected_error_basis === "model"
      ? "It rests on the answers alone and is too low where people err alike."
      : "As far as the answers and everybody's skill tell.";
  return about + between + (now.expected_error_means || basis);
}

function ByLabel({ now }: { now: Now }) {
  const [isAll, setAll] = useState(false);
  const rows = now.by_label.map(({ code, name, estimate, low, high, n_images: n }) => ({
    code,
    name,
    estimate,
    low: low ?? 0,
    high: high ?? 1,
    n,
  }));
  if (rows.length === 0) return null;
  return (
    <div class="stack">
      <h3>Of each label</h3>
      <p class="soft small">
        The lowest first: where people differ most, the guide may need a line more.
      </p>
      <IntervalBars
        what="Label"
        measure="Alpha"
        rows={isAll ? rows : rows.slice(0, ROWS_AT_FIRST)}
        figures={DECIMAL}
      />
      <ShowAll
        total={rows.length}
        atFirst={ROWS_AT_FIRST}
        things="labels"
        isAll={isAll}
        onChange={setAll}
      />
    </div>
  );
}

function Adjudicated({ base, slug }: { base: string; slug: string }) {
  const { data, error, reload } = useResource<Adjudication>(`${base}/adjudication`);
  if (error) return <ErrorNote error={error} onRetry={reload} />;
  if (!data || data.open + data.settled === 0) return null;
  const rows = [
    { code: "disagreements", name: "Where people disagreed", ...data.disagreements.overturned },
    { code: "agreements", name: "Where people agreed", ...data.agreements.overturned },
  ];
  return (
    <div class="stack">
      <h3>What experts say of the audit images</h3>
      <p class="soft small">
        Every disagreement and at least {percent(data.share)} of the agreements go to an expert,
        blind. {plural(data.settled, "image")} settled, {count(data.open)} waiting.{" "}
        {data.open > 0 && <a href={`/expert/${slug}`}>Open the expert page</a>}
      </p>
      {data.settled > 0 && (
        <IntervalBars what="Images" measure="Expert differs" counted="Settled" rows={rows} />
      )}
    </div>
  );
}
