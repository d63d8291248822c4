import { percent, plural } from "./format";
import type { Version } from "./types";

export interface Fact {
  what: string;
  says: string;
}

type Numbers = Record<string, unknown>;

function number(from: Numbers, name: string): number | null {
  const value = from[name];
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

function loss(value: number): string {
  return value.toFixed(3);
}

/**
 * What is known of a version, in words: the numbers behind its verdict. What has no words here
 * stays readable in the raw record below.
 */
export function facts(version: Version): Fact[] {
  return [
    ...learned(version),
    ...gate(version.gate),
    ...leashed(version.gate),
    ...certified(version.gate),
  ];
}

function learned(version: Version): Fact[] {
  const groups = number(version.metrics, "n_groups");
  const ownLoss = number(version.metrics, "log_loss") ?? number(version.metrics, "tuned_log_loss");
  const kind = version.metrics.head;
  const spread = groups === null ? "" : `, from ${plural(groups, "group")} of related pictures`;
  const found: Fact[] = [
    { what: "Learned from", says: `${plural(version.n_labels, "label")}${spread}` },
  ];
  if (typeof kind === "string") {
    found.push({
      what: "Kind",
      says: `${kind} regression, tried by staff; checked in five parts instead of group by group`,
    });
  }
  if (ownLoss !== null) {
    found.push({
      what: "On labels it had not seen",
      says: `surprise ${loss(ownLoss)} (log-loss: 0 is perfect; checked group by group, each left out once)`,
    });
  }
  return found;
}

function gate(numbers: Numbers): Fact[] {
  const found: Fact[] = [];
  const uniform = number(numbers, "uniform_log_loss");
  if (uniform !== null) {
    found.push({ what: "Knowing nothing would give", says: `surprise ${loss(uniform)}` });
  }
  const champion = number(numbers, "champion");
  const championLoss = number(numbers, "champion_log_loss");
  if (champion !== null && championLoss !== null) {
    found.push({
      what: `Version ${champion} on the same pictures`,
      says: `surprise ${loss(championLoss)}, over ${plural(number(numbers, "n_compared") ?? 0, "image")}`,
    });
  }
  const difference = number(numbers, "difference");
  const tolerance = number(numbers, "tolerance");
  if (difference !== null && tolerance !== null) {
    const error = number(numbers, "difference_error") ?? 0;
    const way = difference > 0 ? "worse" : "better";
    found.push({
      what: "Difference",
      says: `${loss(Math.abs(difference))} ${way}, give or take ${loss(error)}; up to ${tolerance} worse is allowed`,
    });
  }
  const heldBy = number(numbers, "held_by");
  if (heldBy !== null) {
    const nextTry = number(numbers, "next_try_at");
    const until = nextTry === null ? "" : `; tried again at ${plural(nextTry, "label")}`;
    found.push({ what: "Held back by", says: `the roll-back of version ${heldBy}${until}` });
  }
  return found;
}

/** How near the head has to stay to the last proven version, whatever served between. */
function leashed({ leash }: Numbers): Fact[] {
  if (typeof leash !== "object" || leash === null) return [];
  const record = leash as Numbers;
  const [right, proven, n] = ["right", "proven_right", "n"].map((name) => number(record, name));
  const version = number(record, "proven");
  const margin = number(record, "margin");
  if (right == null || proven == null || n == null || version === null || margin === null) {
    return [];
  }
  return [
    {
      what: `Beside v${version}, the last proven one`,
      says: `right on ${right} of ${plural(n, "labeled image")}, v${version} on ${proven}; up to ${Math.round(margin * 100)} points worse is allowed`,
    },
  ];
}

function certified(numbers: Numbers): Fact[] {
  const certification = numbers.certification;
  if (typeof certification !== "object" || certification === null) return [];
  const record = certification as Numbers;
  const needed = number(record, "needed");
  const reached = Math.max(
    number(record, "superiority") ?? Number.NEGATIVE_INFINITY,
    number(record, "non_inferiority") ?? Number.NEGATIVE_INFINITY,
  );
  if (needed === null || !Number.isFinite(reached)) return [];
  const share = percent(Math.max(0, reached / needed));
  return [
    {
      what: "Audit evidence",
      says: `${share} of what a proof needs, from ${plural(number(record, "n") ?? 0, "audit image")}`,
    },
  ];
}
