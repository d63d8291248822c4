import { api } from "../../api/client";
import type { Impact, Leaderboard, ProgressCounts } from "../../api/types";
import { Dialog } from "../../shared/Dialog/Dialog";
import { ErrorNote } from "../../shared/ErrorNote/ErrorNote";
import { IntervalMark } from "../../shared/IntervalMark/IntervalMark";
import { count } from "../../shared/numbers";
import { useLoad } from "../../shared/useLoad";
import { COUNTED } from "./DeskBar";
import "./ImpactDialog.css";

interface Loaded {
  impact: Impact;
  board: Leaderboard | null;
}

async function load(slug: string, hasBoard: boolean, signal: AbortSignal): Promise<Loaded> {
  const [impact, board] = await Promise.all([
    api.get<Impact>(`projects/${slug}/impact`, { signal }),
    hasBoard ? api.get<Leaderboard>(`projects/${slug}/leaderboard`, { signal }) : null,
  ]);
  return { impact, board };
}

export interface ImpactDialogProps {
  slug: string;
  /** The project shows who answered how much. */
  hasBoard: boolean;
  /** Of everybody: to say what is counted. */
  progress: Pick<ProgressCounts, "labeled" | "total">;
  open: boolean;
  onClose: () => void;
}

/** What the answers of this person did: only what the server can say for certain. */
export function ImpactDialog(props: ImpactDialogProps) {
  const { slug, hasBoard, progress, open, onClose } = props;
  return (
    <Dialog open={open} title="What your answers did" onClose={onClose}>
      <Body slug={slug} hasBoard={hasBoard} />
      <p>
        <a href={`/try/${slug}`}>Try the classifier on a picture of your own</a>
      </p>
      <p class="soft small">
        {count(progress.labeled)} of {count(progress.total)} images are labeled, by everybody.{" "}
        {COUNTED} Not counted: near copies that are left out to keep the check fair, and what was
        flagged or taken out. A skip is no answer.
      </p>
    </Dialog>
  );
}

function Body({ slug, hasBoard }: Pick<ImpactDialogProps, "slug" | "hasBoard">) {
  const { data, error, reload } = useLoad(slug, (signal) => load(slug, hasBoard, signal));
  if (error !== null) return <ErrorNote error={error} onRetry={reload} />;
  if (!data) {
    return (
      <p class="soft" role="status">
        Loading …
      </p>
    );
  }
  const { impact, board } = data;
  return (
    <div class="stack">
      <ul class="impact-list">
        {impact.sentences.map((sentence) => (
          <li key={sentence}>{sentence}</li>
        ))}
      </ul>
      {impact.answers === 0 && impact.sentences.length === 0 && (
        <p>Nothing yet. It begins with your first answer.</p>
      )}
      {impact.accuracy && <Accuracy accuracy={impact.accuracy} />}
      {board && <Board board={board} />}
    </div>
  );
}

function Accuracy({ accuracy }: { accuracy: NonNullable<Impact["accuracy"]> }) {
  const rows = [
    { name: "When you joined", ...accuracy.then },
    { name: "Now", ...accuracy.now },
  ];
  return (
    <section class="stack">
      <h3>The classifier, on images it never learned from</h3>
      <dl class="impact-accuracy">
        {rows.map(({ name, estimate, low, high, version }) => (
          <div key={name}>
            <dt>
              {name} <span class="soft small">version {version}</span>
            </dt>
            <dd>
              <IntervalMark estimate={estimate} low={low} high={high} />
              <span>
                {estimate === null ? "not known" : `${percent(estimate)} right`}{" "}
                {estimate !== null && (
                  <span class="soft small">
                    between {Math.round(low * 100)} and {percent(high)}
                  </span>
                )}
              </span>
            </dd>
          </div>
        ))}
      </dl>
      {!accuracy.is_better && (
        <p class="soft small">The two overlap: it is too early to call it better.</p>
      )}
    </section>
  );
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

function Board({ board }: { board: Leaderboard }) {
  return (
    <section class="stack">
      <h3>Everybody's answers</h3>
      <ol class="impact-board">
        {board.results.map((row, place) => (
          <li key={`${place}-${row.display_name}`} data-you={row.is_you}>
            <span>
              {row.display_name}
              {row.is_you && " (you)"}
            </span>
            <span>{count(row.answers)}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}
