import { plural } from "./format";
import { settingAddress } from "./settings";
import type { Overview } from "./types";

/** With more people than this somebody else is on their way; with fewer, perhaps nobody is. */
const FEW_PEOPLE = 9;

/** Why audit images with an answer are not settled, where few people answer at all. */
export function waitsForPeople({ labels, accuracy }: Overview): string {
  const waiting = accuracy.open?.answers ?? 0;
  const { audit_asked: asked = 1, people_active: people = 0, people_days: days = 0 } = labels;
  if (waiting === 0 || asked < 2 || people > FEW_PEOPLE) return "";
  const verb = waiting === 1 ? "waits" : "wait";
  return (
    `${plural(waiting, "audit image")} ${verb} for another person's answer: each is asked of ` +
    `${asked}, because ${people} people have answered in the last ${plural(days, "day")}.`
  );
}

/** The same with what helps: more people, or fewer answers an image. */
export function WaitsForPeople({ overview, slug }: { overview: Overview; slug: string }) {
  const why = waitsForPeople(overview);
  if (!why) return null;
  return (
    <p class="notice">
      {why} <a href={`/staff/${slug}/people`}>Invite people</a>, or if nobody else is coming,{" "}
      <a href={settingAddress(slug, "votes_audit")}>let one answer settle an audit image</a>.
    </p>
  );
}
