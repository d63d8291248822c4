import { api } from "../api/client";
import { Button } from "../shared/Button/Button";
import { count } from "../shared/numbers";
import { Progress } from "../shared/Progress/Progress";
import { money, percent, RUN_KIND, words } from "./format";
import type { ActiveRun, Overview } from "./types";
import { useAction } from "./useAction";

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
