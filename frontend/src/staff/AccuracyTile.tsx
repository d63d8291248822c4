import { IntervalMark } from "../shared/IntervalMark/IntervalMark";
import { FEW_ANSWERS, fewSentence, interval, percent, plural } from "./format";
import { nothingMeasured, reachSentence } from "./reach";
import type { Estimate, OpenImages, Overview } from "./types";
import { WaitsForPeople, waitsForPeople } from "./WaitsForPeople";

export function AccuracyTile({ overview, slug }: { overview: Overview; slug: string }) {
  const { overall, open, rests_on_one_person: isOnePerson } = overview.accuracy;
  const cameWith = overview.accuracy.came_with_pictures;
  const isFew = overall.n < FEW_ANSWERS;
  const why =
    isOnePerson || cameWith || waitsForPeople(overview)
      ? ""
      : secondAnswers(open, overview.labels.audit_asked);
  const isKnown = overall.estimate !== null;
  return (
    <section class="card tile">
      <h2>{overview.accuracy.several ? "All labels of a picture right" : "Accuracy"}</h2>
      {isFew && isKnown ? (
        <p class="few-words">{fewSentence(overall)}</p>
      ) : (
        <p class="figure" data-pale={!isKnown}>
          {percent(overall.estimate)}
        </p>
      )}
      {isKnown && !isFew && <Whisker estimate={overall} />}
      <p>{measuredSentence(overall, open)}</p>
      {why && <p class="soft small">{why}</p>}
      <WaitsForPeople overview={overview} slug={slug} />
      {overview.accuracy.is_weighed && (
        <p class="soft small">
          Some audit images were asked about sooner, or drawn with a higher chance, than others. The
          figure allows for that: it is about all pictures of the project.
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
  return `More than one person answers now, so each audit image is asked of ${votes} of them. Until they have answered, it counts both ways, and the range is wider than it was with one.`;
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
