import { EvidencePill } from "../shared/EvidencePill/EvidencePill";
import { count } from "../shared/numbers";
import { Progress } from "../shared/Progress/Progress";
import { moment, NOT_COUNTED, percent, plural, REASONS, words } from "./format";
import type { NotCountedImages, Overview } from "./types";

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
      {openSentence(labels) && <p class="soft small">{openSentence(labels)}</p>}
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

/** Why an image that somebody answered need not be labeled yet. */
export function openSentence({ pool_open: open = 0 }: Overview["labels"]): string {
  if (open === 0) return "";
  const verb = open === 1 ? "has an answer and waits" : "have answers and wait";
  return `${plural(open, "image")} to learn from ${verb} for another: one alone leaves too much doubt where the classifier or another person says something else, or where its author is not known well yet.`;
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
