import { api } from "../api/client";
import { Button } from "../shared/Button/Button";
import { EvidencePill } from "../shared/EvidencePill/EvidencePill";
import { IntervalMark } from "../shared/IntervalMark/IntervalMark";
import { count } from "../shared/numbers";
import { Progress } from "../shared/Progress/Progress";
import {
  FEW_ANSWERS,
  fewSentence,
  interval,
  moment,
  money,
  NOT_COUNTED,
  percent,
  plural,
  REASONS,
  RUN_KIND,
  words,
} from "./format";
import { nothingMeasured, reachSentence } from "./reach";
import type { ActiveRun, Estimate, NotCountedImages, OpenImages, Overview } from "./types";
import { useAction } from "./useAction";

/** What to do next, while there is little to see; nothing once the project runs. */
export function NextStep({ overview, slug }: { overview: Overview; slug: string }) {
  const { labels, project, champion, embedding } = overview;
  if (project.labeling_paused) {
    return (
      <p class="notice">
        Labeling is paused: nobody gets images. <a href={`/staff/${slug}/settings`}>Let it go on</a>
      </p>
    );
  }
  if (embedding.total === 0) {
    return (
      <p class="notice">
        This project has no images yet. <a href={`/staff/${slug}/images`}>Add the first ones</a>
      </p>
    );
  }
  if (labels.answers === 0) {
    return (
      <p class="notice">
        Nobody has answered yet. <a href={`/staff/${slug}/people`}>Invite people</a> or{" "}
        <a href={`/label/${slug}`}>label yourself</a>; the first classifier appears a few answers
        later.
      </p>
    );
  }
  if (champion && labels.audit_total === 0) {
    return <p class="notice">No audit images yet, so accuracy stays unknown. Add more images.</p>;
  }
  return null;
}

export function AccuracyTile({ overview }: { overview: Overview }) {
  const { overall, weighted, open, rests_on_one_person: isOnePerson } = overview.accuracy;
  const cameWith = overview.accuracy.came_with_pictures;
  const isFew = overall.n < FEW_ANSWERS;
  const why = isOnePerson || cameWith ? "" : secondAnswers(open, overview.labels.audit_votes);
  const shown = weighted ? { ...overall, ...weighted } : overall;
  const isKnown = shown.estimate !== null;
  return (
    <section class="card tile">
      <h2>{overview.accuracy.several ? "All labels of a picture right" : "Accuracy"}</h2>
      {isFew && isKnown ? (
        <p class="few-words">{fewSentence(overall)}</p>
      ) : (
        <p class="figure" data-pale={!isKnown}>
          {percent(shown.estimate)}
        </p>
      )}
      {isKnown && !isFew && <Whisker estimate={shown} />}
      <p>{measuredSentence(shown, open)}</p>
      {why && <p class="soft small">{why}</p>}
      {weighted && (
        <p class="soft small">
          Some pictures were drawn for the audit more often than others, so each counts for as many
          as it stands for.
        </p>
      )}
      {!isFew && !overview.accuracy.several && <EachLabel accuracy={overview.accuracy} />}
      {cameWith && overall.n > 0 && (
        <p class="soft small">Its labels came with the pictures; nobody was asked.</p>
      )}
      {isOnePerson && overall.n > 0 && (
        <p>
          <span class="pill" data-tone="warn">
            Rests on one person's word
          </span>
        </p>
      )}
    </section>
  );
}

/** The figure where every label counts the same, the weak ones, and the first few guesses. */
function EachLabel({ accuracy: { macro, classes, top } }: { accuracy: Overview["accuracy"] }) {
  if (macro === null) return null;
  const tenth = classes?.tenth;
  return (
    <p class="soft small">
      {percent(macro)} when every label counts the same
      {classes && ` (${interval(classes.macro.low, classes.macro.high)}, few answers allowed for)`}.
      {tenth && ` Nine of ten labels reach ${interval(tenth.low, tenth.high)}.`}
      {top &&
        ` The right label is among its first ${top.k === 2 ? "two" : "five"} ${percent(top.estimate)} of the time (${interval(top.low, top.high)}).`}
    </p>
  );
}

function Whisker({ estimate }: { estimate: Estimate }) {
  return (
    <div class="whisker" aria-hidden="true">
      <IntervalMark estimate={estimate.estimate} low={estimate.low} high={estimate.high} />
      <div class="whisker-scale soft">
        <span>0</span>
        <span>100 %</span>
      </div>
    </div>
  );
}

/** The figure in words: its interval and n, what is open, and what more answers can tell. */
export function measuredSentence(overall: Estimate, open?: OpenImages): string {
  const more = reachSentence(overall);
  if (overall.estimate === null) {
    return overall.unresolved > 0 ? unsettledSentence(overall, open) : nothingMeasured(overall);
  }
  const rest = [openSentence(overall.unresolved, open), more].filter(Boolean).join(" ");
  const said =
    overall.n < FEW_ANSWERS
      ? "From the audit images."
      : `Between ${interval(overall.low, overall.high)} with 95 % confidence, from ${plural(overall.n, "audit image")}.`;
  return rest ? `${said} ${rest}` : said;
}

/** Why an interval widens when somebody joins: what one person settled is asked of others now. */
export function secondAnswers(open: OpenImages | undefined, votes: number | undefined): string {
  if (!open || open.answers === 0 || votes === undefined || votes < 2) return "";
  return `More than one person answers now, so each audit image is asked of up to ${votes}. Until they have answered, it counts both ways, and the range is wider than it was with one.`;
}

const WAITS_FOR: Record<keyof OpenImages, string> = {
  answers: "for more answers",
  expert: "for an expert's look",
  none_fits: "for a label that fits",
  group: "to be told apart within a group",
  unseen: "to be read",
};

/** Where audit images have answers, and none has agreement yet. */
function unsettledSentence({ unresolved, waiting = 0, missing }: Estimate, open?: OpenImages) {
  const verb = unresolved === 1 ? "has answers and is" : "have answers and are";
  const short =
    unresolved + waiting < missing
      ? ` It takes about ${missing} to know it to ±10 points, so add pictures too.`
      : "";
  return `Nothing measured yet: ${plural(unresolved, "audit image")} ${verb} not settled${waitsFor(open)}.${short}`;
}

/** What open images wait for, in brackets; empty where nobody knows. */
function waitsFor(open?: OpenImages): string {
  const waits = Object.entries(WAITS_FOR).flatMap(([why, words]) => {
    const n = open?.[why as keyof OpenImages] ?? 0;
    return n > 0 ? [`${n} ${words}`] : [];
  });
  return waits.length > 0 ? ` (waiting: ${waits.join(", ")})` : "";
}

/** What is counted both ways, and what it waits for; empty where nothing is. */
function openSentence(unresolved: number, open?: OpenImages): string {
  if (unresolved === 0) return "";
  const why = waitsFor(open);
  const verb = unresolved === 1 ? "is not settled and counts" : "are not settled and count";
  return `${plural(unresolved, "audit image")} ${verb} both as right and as wrong${why}.`;
}

export function ChampionTile({ overview, slug }: { overview: Overview; slug: string }) {
  const { champion } = overview;
  if (!champion) {
    return (
      <section class="card tile">
        <h2>Classifier</h2>
        <p class="figure" data-pale>
          none yet
        </p>
        <p>The first one appears a few answers after labeling starts, by itself.</p>
      </section>
    );
  }
  return (
    <section class="card tile">
      <h2>Classifier</h2>
      <p class="figure">
        v{champion.number} <EvidencePill evidence={champion.evidence} />
      </p>
      <p>{champion.verdict}</p>
      <p class="soft small">
        Learned from {plural(champion.n_labels, "label")}; serves since{" "}
        {moment(champion.promoted_at)}.{" "}
        {overview.accuracy.several
          ? "Each label has its own bar to be said."
          : acceptedSentence(champion.threshold)}{" "}
        <a href={`/staff/${slug}/versions`}>All versions</a>
      </p>
    </section>
  );
}

/** Which answers programs may rely on; a bar above 1 is reached by none. */
export function acceptedSentence(threshold: number): string {
  if (threshold > 1) return "It is not yet sure enough of anything: no answer counts as accepted.";
  return `An answer counts as accepted from ${percent(threshold)} on.`;
}

export function CountsTile({ overview }: { overview: Overview }) {
  const { labels, queue } = overview;
  const waiting = Object.entries(queue.by_reason).filter(([, n]) => n > 0);
  return (
    <section class="card tile">
      <h2>Labels</h2>
      <p class="figure">
        {count(labels.resolved)}{" "}
        <span class="figure-rest soft">of {plural(labels.pool, "image")} to learn from</span>
      </p>
      <Progress value={labels.resolved} max={labels.pool} label="Images to learn from, labeled" />
      <p class="soft small">
        {count(labels.audit_resolved)} of {plural(labels.audit_total, "audit image")} settled,{" "}
        {answersSentence(labels)}
        {overview.accuracy.came_with_pictures && " Labels that came with the pictures count too."}
      </p>
      <NotCounted labels={labels} />
      {waiting.length > 0 && (
        <div class="small">
          <h3 class="reason-head">Waiting in the queue</h3>
          <dl class="reason-list">
            {waiting.map(([reason, n]) => (
              <div key={reason}>
                <dt>{REASONS[reason] ?? words(reason)}</dt>
                <dd>{count(n)}</dd>
              </div>
            ))}
          </dl>
        </div>
      )}
      {waiting.length === 0 && <p class="small">Nothing waits in the queue.</p>}
    </section>
  );
}

/** A skip is no answer, so it is named apart. */
export function answersSentence({ answers, skips = 0 }: Overview["labels"]): string {
  const said = `${plural(answers, "answer")} in all`;
  return skips > 0 ? `${said}, and ${plural(skips, "skip")}.` : `${said}.`;
}

/** Why the pictures that were put in are more than those counted here. */
function NotCounted({ labels }: { labels: Overview["labels"] }) {
  const rows = Object.entries(NOT_COUNTED).flatMap(([reason, words]) => {
    const n = labels.not_counted?.[reason as keyof NotCountedImages] ?? 0;
    return n > 0 ? [{ reason, words, n }] : [];
  });
  const total = rows.reduce((sum, { n }) => sum + n, 0);
  if (total === 0) return null;
  return (
    <details class="small">
      <summary>
        {count(total)} of {plural(labels.images, "image")} not counted here
      </summary>
      <dl class="reason-list">
        {rows.map(({ reason, words, n }) => (
          <div key={reason}>
            <dt>{words}</dt>
            <dd>{count(n)}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}

interface TrainingTileProps {
  overview: Overview;
  slug: string;
  onChange: () => void;
}

export function TrainingTile({ overview, slug, onChange }: TrainingTileProps) {
  const { training } = overview;
  const { busy, run } = useAction();
  const base = `staff/projects/${slug}`;
  const act = (path: string, body: unknown, done: string) =>
    run(() => api.post(`${base}/${path}`, body), done).then(onChange);

  return (
    <section class="card tile">
      <h2>Training</h2>
      <Running overview={overview} />
      <div class="row">
        <Button
          size="s"
          busy={busy}
          onClick={() => act("train", { kind: "head" }, "A refit is on its way.")}
        >
          Train now
        </Button>
        <Button
          size="s"
          busy={busy}
          onClick={() => act("train", { kind: "finetune" }, "A fine-tune is on its way.")}
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
              training.paused ? "Training goes on." : "Training is paused.",
            )
          }
        >
          {training.paused ? "Go on" : "Pause"}
        </Button>
      </div>
      <Budget overview={overview} slug={slug} />
    </section>
  );
}

function Running({ overview }: { overview: Overview }) {
  const { training, embedding } = overview;
  const isIdle = training.active.length === 0 && embedding.done >= embedding.total;
  return (
    <>
      {training.paused && (
        <p>
          <span class="pill" data-tone="warn">
            paused
          </span>{" "}
          The classifier stays as it is.
        </p>
      )}
      {isIdle && !training.paused && (
        <p>Nothing is running. A refit starts by itself with every few answers.</p>
      )}
      {training.active.map((item) => (
        <RunProgress key={item.id} run={item} />
      ))}
      {embedding.done < embedding.total && (
        <div class="run">
          <p class="run-line small">
            <span>Reading images</span>
            <span>
              {count(embedding.done)} of {count(embedding.total)}
            </span>
          </p>
          <Progress value={embedding.done} max={embedding.total} label="Images read" />
        </div>
      )}
    </>
  );
}

function RunProgress({ run }: { run: ActiveRun }) {
  const isWaiting = run.state === "QUEUED";
  return (
    <div class="run">
      <p class="run-line small">
        <span>
          <strong>{RUN_KIND[run.kind] ?? words(run.kind)}</strong>:{" "}
          {isWaiting ? "waiting for its turn" : run.stage || "starting"}
        </span>
        <span>{isWaiting ? "" : percent(run.progress)}</span>
      </p>
      <Progress
        value={Math.round(run.progress * 100)}
        max={100}
        label={`${RUN_KIND[run.kind] ?? run.kind} progress`}
      />
    </div>
  );
}

function Budget({ overview, slug }: { overview: Overview; slug: string }) {
  const { month_spent: spent, month_limit: limit } = overview.training.budget;
  if (limit === 0) {
    return (
      <p class="soft small">
        Spent on computing this month, in your currency: {money(spent)}. No budget is set, so
        fine-tuning costs must stay at zero. <a href={`/staff/${slug}/settings`}>Settings</a>
      </p>
    );
  }
  return (
    <div class="run">
      <p class="run-line small soft">
        <span>Spent on computing this month, in your currency</span>
        <span>
          {money(spent)} of the budget of {money(limit)}
        </span>
      </p>
      <Progress value={spent} max={limit} label="Budget spent this month" />
    </div>
  );
}
