import { plural } from "./format";
import { settingAddress } from "./settings";
import type { Overview } from "./types";

/** With more people than this somebody else is on their way; with fewer, perhaps nobody is. */
const FEW_PEOPLE = 9;

/** Why audit images with an answer are not settled, where few people answer at all. */
export function waitsForPeople({ labels, accuracy }: Overview): string {
  const waiting = accuracy.open?.answers ?? 0;
  const { audit_asked: asked = 1, people_active: people = 0, people_days: days = 0 } = labels;
  if (waiting === 0 || people < 2 || people > FEW_PEOPLE) return "";
  const verb = waiting === 1 ? "waits" : "wait";
  const lately = `${people} people have answered in the last ${plural(days, "day")}`;
  const why =
    asked > 1
      ? `each is asked of ${asked}, because ${lately}.`
      : `what was said of ${waiting === 1 ? "it" : "them"} leaves too much doubt, and ${lately}.`;
  return `${plural(waiting, "audit image")} ${verb} for another person's answer: ${why}`;
}

/** The same with what helps: more people, or waiting for fewer. */
export function WaitsForPeople({ overview, slug }: { overview: Overview; slug: string }) {
  const why = waitsForPeople(overview);
  if (!why) return null;
  const [setting, words] =
    (overview.labels.audit_asked ?? 1) > 1
      ? ["votes_audit", "let one answer settle an audit image"]
      : ["active_annotator_days", "count people as active for fewer days"];
  return (
    <p class="notice">
      {why} <a href={`/staff/${slug}/people`}>Invite people</a>, or if nobody else is coming,{" "}
      <a href={settingAddress(slug, setting)}>{words}</a>.
    </p>
  );
}
