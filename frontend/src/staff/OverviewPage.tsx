import { api } from "../api/client";
import { Button } from "../shared/Button/Button";
import { ErrorNote } from "../shared/ErrorNote/ErrorNote";
import { count } from "../shared/numbers";
import { Progress } from "../shared/Progress/Progress";
import { usePolling } from "../shared/usePolling";
import { HistoryChart } from "./charts/HistoryChart";
import { IntervalBars } from "./charts/IntervalBars";
import { EVIDENCE, interval, moment, money, percent, REASONS } from "./format";
import type { Estimate, HistoryPoint, Overview } from "./types";
import { useAction } from "./useAction";

const POLL_MS = 3000;

export function OverviewPage({ slug }: { slug: string }) {
  const base = `staff/projects/${slug}`;
  const { data, error, refresh } = usePolling<Overview>(`${base}/overview`, POLL_MS);
  const history = usePolling<{ points: HistoryPoint[] }>(`${base}/history`, POLL_MS * 3);

  if (!data) return error ? <ErrorNote error={error} onRetry={refresh} /> : <p>Loading …</p>;
  return (
    <div class="stack">
      <ErrorNote error={error} />
      <div class="tiles">
        <AccuracyTile overview={data} />
        <ChampionTile overview={data} />
        <TrainingTile overview={data} slug={slug} onChange={refresh} />
        <CountsTile overview={data} />
      </div>
      <section class="card stack">
        <h2>Accuracy of each label</h2>
        <p class="soft small">
          From the audit slice only: images drawn at random, labeled blind, never trained on. Pale
          means fewer than ten answers.
        </p>
        <IntervalBars rows={data.accuracy.per_class} />
      </section>
      {data.accuracy.per_source.length > 1 && <Sources overview={data} />}
      <section class="card stack">
        <h2>Accuracy as labels came in</h2>
        <HistoryChart points={history.data?.points ?? []} />
      </section>
    </div>
  );
}

function AccuracyTile({ overview }: { overview: Overview }) {
  const { overall, rests_on_one_person: isOnePerson } = overview.accuracy;
  return (
    <section class="card tile">
      <h2>Accuracy</h2>
      <p class="figure">{percent(overall.estimate)}</p>
      <p class="soft">{explain(overall)}</p>
      {isOnePerson && overall.n > 0 && (
        <p class="pill" data-tone="warn">
          Rests on one person's word
        </p>
      )}
    </section>
  );
}

function explain(overall: Estimate): string {
  if (overall.estimate === null) {
    return "Nothing measured yet: audit images need answers first.";
  }
  const open = overall.unresolved ? `, ${overall.unresolved} audit images still open` : "";
  return `${interval(overall.low, overall.high)} with 95 % confidence, from ${overall.n} audit images${open}.`;
}

function ChampionTile({ overview }: { overview: Overview }) {
  const { champion } = overview;
  if (!champion) {
    return (
      <section class="card tile">
        <h2>Classifier</h2>
        <p class="figure">none yet</p>
        <p class="soft">The first one appears a few answers after labeling starts.</p>
      </section>
    );
  }
  return (
    <section class="card tile">
      <h2>Classifier</h2>
      <p class="figure">v{champion.number}</p>
      <p>
        <span class="pill" data-tone={champion.evidence === "PROVEN" ? "good" : "info"}>
          {EVIDENCE[champion.evidence] ?? champion.evidence}
        </span>
      </p>
      <p class="soft small">
        {champion.verdict} Learned from {count(champion.n_labels)} labels, deployed{" "}
        {moment(champion.promoted_at)}.
      </p>
    </section>
  );
}

function TrainingTile({
  overview,
  slug,
  onChange,
}: {
  overview: Overview;
  slug: string;
  onChange: () => void;
}) {
  const { training, embedding } = overview;
  const { busy, run } = useAction();
  const base = `staff/projects/${slug}`;
  const act = (path: string, body: unknown, done: string) =>
    run(() => api.post(`${base}/${path}`, body), done).then(onChange);

  return (
    <section class="card tile">
      <h2>Training</h2>
      {training.active.length === 0 && <p class="soft">Nothing is running.</p>}
      {training.active.map((item) => (
        <div key={item.id} class="field">
          <span class="small">
            {item.kind === "FINETUNE" ? "Fine-tune" : "Head"}: {item.stage || "waiting"}
          </span>
          <Progress value={Math.round(item.progress * 100)} max={100} label="Training progress" />
        </div>
      ))}
      {embedding.done < embedding.total && (
        <div class="field">
          <span class="small">
            Reading images: {count(embedding.done)} of {count(embedding.total)}
          </span>
          <Progress value={embedding.done} max={embedding.total} label="Images read" />
        </div>
      )}
      <div class="row">
        <Button size="s" busy={busy} onClick={() => act("train", { kind: "head" }, "Refit asked.")}>
          Train now
        </Button>
        <Button
          size="s"
          busy={busy}
          onClick={() => act("train", { kind: "finetune" }, "Fine-tune asked.")}
        >
          Fine-tune
        </Button>
        <Button
          size="s"
          tone="quiet"
          busy={busy}
          onClick={() =>
            act(
              "pause",
              { what: "training", paused: !training.paused },
              training.paused ? "Training goes on." : "Training paused.",
            )
          }
        >
          {training.paused ? "Resume" : "Pause"}
        </Button>
      </div>
      <p class="soft small">
        Spent this month: {money(training.budget.month_spent)} of{" "}
        {money(training.budget.month_limit)}. At the limit training stops.
      </p>
    </section>
  );
}

function CountsTile({ overview }: { overview: Overview }) {
  const { labels, queue } = overview;
  const waiting = Object.entries(queue.by_reason).filter(([, n]) => n > 0);
  return (
    <section class="card tile">
      <h2>Labels</h2>
      <p class="figure">
        {count(labels.resolved)} <span class="soft small">of {count(labels.pool)} pool images</span>
      </p>
      <Progress value={labels.resolved} max={labels.pool} label="Pool images labeled" />
      <p class="soft small">
        {count(labels.audit_resolved)} of {count(labels.audit_total)} audit images settled,{" "}
        {count(labels.answers)} answers in all.
      </p>
      <ul class="reason-list small">
        {waiting.map(([reason, n]) => (
          <li key={reason}>
            {count(n)} waiting: {REASONS[reason] ?? reason.toLowerCase()}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Sources({ overview }: { overview: Overview }) {
  return (
    <section class="card stack">
      <h2>Accuracy of each source</h2>
      <IntervalBars
        rows={overview.accuracy.per_source.map((row) => ({
          ...row,
          code: row.source,
          name: row.source,
        }))}
      />
    </section>
  );
}
