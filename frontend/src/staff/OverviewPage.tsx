import { useEffect, useState } from "preact/hooks";
import { ErrorNote } from "../shared/ErrorNote/ErrorNote";
import { usePolling } from "../shared/usePolling";
import { AccuracyTile } from "./AccuracyTile";
import { Certainty } from "./charts/Certainty";
import { HistoryChart } from "./charts/HistoryChart";
import { coverage, IntervalBars, worstFirst } from "./charts/IntervalBars";
import { labeledHow } from "./format";
import { Loading } from "./Loading";
import { ChampionTile, CountsTile, NextStep } from "./OverviewTiles";
import { LabelNeeds, OutlookSection } from "./outlook/OutlookSection";
import { TopUpCost } from "./outlook/TopUpCost";
import type { Figures, Outlook } from "./outlook/types";
import { SeveralLabels } from "./SeveralLabels";
import { ShowAll } from "./ShowAll";
import { TrainingTile } from "./TrainingTile";
import type { ClassAccuracy, HistoryPoint, Overview } from "./types";
import { useResource } from "./useResource";
import { withLabeled } from "./withLabeled";

const POLL_MS = 3000;
/** The forecast is worked out every few minutes at most. */
const OUTLOOK_MS = 20_000;
/** So many rows are shown before somebody asks for all. */
const ROWS_AT_FIRST = 12;

export function OverviewPage({ slug }: { slug: string }) {
  const base = `staff/projects/${slug}`;
  const { data, error, refresh } = usePolling<Overview>(`${base}/overview`, POLL_MS);
  const outlook = usePolling<Outlook>(`${base}/forecast`, OUTLOOK_MS);
  const figures = outlook.data?.figures ?? null;

  if (!data) return error ? <ErrorNote error={error} onRetry={refresh} /> : <Loading />;
  return (
    <div class="stack">
      <ErrorNote error={error} />
      <NextStep overview={data} slug={slug} />
      <div class="tiles">
        <AccuracyTile overview={data} slug={slug} />
        <ChampionTile overview={data} slug={slug} />
        <CountsTile overview={data} />
        <TrainingTile overview={data} slug={slug} onChange={refresh} />
      </div>
      <ErrorNote error={outlook.error} />
      {outlook.data && data.champion && (
        <OutlookSection outlook={outlook.data} overview={data} slug={slug} />
      )}
      {data.accuracy.several ? (
        <SeveralLabels
          figures={data.accuracy.several}
          cameWith={data.accuracy.came_with_pictures === true}
        />
      ) : (
        <LabelAccuracy overview={data} slug={slug} />
      )}
      {!data.accuracy.several && <Certainty calibration={data.accuracy.calibration} />}
      {outlook.data && <LabelNeeds outlook={outlook.data} slug={slug} />}
      <Groups overview={data} />
      {data.accuracy.per_source.length > 1 && <Sources overview={data} />}
      <History base={base} overview={data} outlook={figures} />
    </div>
  );
}

/** Which audit images are of a label is the classifier's guess: without one nobody has counted. */
function uncounted({ waiting: _, ...row }: ClassAccuracy): ClassAccuracy {
  return row;
}

function LabelAccuracy({ overview, slug }: { overview: Overview; slug: string }) {
  const { champion, accuracy } = overview;
  const rows = worstFirst(champion ? accuracy.per_class : accuracy.per_class.map(uncounted));
  const shown = rows.map((row) => ({ ...row, also: withLabeled(row) }));
  // Of which label the images left are is a guess; that none is left at all is none.
  const hasLeft = rows.some(({ missing, waiting = 0 }) => missing > 0 && waiting > 0);
  const [isAll, setAll] = useState(false);
  return (
    <section class="card stack">
      <h2>Accuracy of each label</h2>
      <p class="soft small">
        From the audit images: drawn at random, {labeledHow(accuracy.came_with_pictures)}, never
        learned from. Lowest first. {coverage(rows)}
        {hasLeft &&
          " How many are left for a label is the classifier's guess: nobody has said yet what they show."}
      </p>
      <IntervalBars
        what="Label"
        isGuessed={hasLeft}
        rows={isAll ? shown : shown.slice(0, ROWS_AT_FIRST)}
      />
      {shown.some(({ also }) => also) && (
        <p class="soft small">
          “With … labeled” is the range from the audit images and from how the classifier does on as
          many labeled images of the label, as if it had never learned from them (near-duplicates
          counted once). Those are harder than usual; how much they tell is learned from the audit
          images of all labels.
        </p>
      )}
      <ShowAll
        total={rows.length}
        atFirst={ROWS_AT_FIRST}
        things="labels"
        isAll={isAll}
        onChange={setAll}
      />
      {overview.champion && <TopUpCost slug={slug} labels={overview.accuracy.per_class} />}
    </section>
  );
}

function Groups({ overview }: { overview: Overview }) {
  const { groups } = overview.accuracy;
  if (!groups || groups.overall.estimate === null) return null;
  const all = { ...groups.overall, code: "", name: "All pictures, by group" };
  return (
    <section class="card stack">
      <h2>Accuracy of each group</h2>
      <p class="soft small">
        How often the classifier finds the right group, whichever label of it. A label without a
        group stands for itself.
      </p>
      <IntervalBars what="Group" isGuessed rows={[all, ...groups.per_group]} />
    </section>
  );
}

function Sources({ overview }: { overview: Overview }) {
  return (
    <section class="card stack">
      <h2>Accuracy of each source</h2>
      <p class="soft small">
        A classifier that is good on one source only will disappoint on the next.
      </p>
      <IntervalBars
        what="Source"
        rows={overview.accuracy.per_source.map((row) => ({
          ...row,
          code: row.source,
          name: row.source || "not named",
        }))}
      />
    </section>
  );
}

interface HistoryProps {
  base: string;
  overview: Overview;
  outlook: Figures | null;
}

function History({ base, overview, outlook }: HistoryProps) {
  const { data, error, reload } = useResource<{ points: HistoryPoint[] }>(`${base}/history`);
  // The curve can only change with the champion or with what the audit slice says.
  const stamp = `${overview.champion?.number} ${overview.labels.audit_resolved}`;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the stamp is the reason to ask again.
  useEffect(reload, [stamp]);
  return (
    <section class="card stack">
      <h2>How it went</h2>
      <ErrorNote error={error} onRetry={reload} />
      {data && <HistoryChart points={data.points} curve={outlook?.curve} band={outlook?.band} />}
    </section>
  );
}
