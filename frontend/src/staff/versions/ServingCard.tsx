import { EvidencePill } from "../../shared/EvidencePill/EvidencePill";
import { moment } from "../format";
import type { Gate } from "./types";
import { MODE } from "./words";

/** Which version serves and why, in a line, and who lets the next one serve. */
export function ServingCard({ gate, slug }: { gate: Gate; slug: string }) {
  const { champion, mode } = gate;
  return (
    <section class="card stack">
      <h2>What serves, and why</h2>
      {champion ? (
        <>
          <p class="version-head">
            <strong class="serving-number">v{champion.number}</strong>
            <EvidencePill evidence={champion.evidence} />
            <span class="soft small version-when">since {moment(champion.since)}</span>
          </p>
          <p>{champion.why}</p>
          <p class="soft small">
            Provisional: checked on labeled images only. Proven: shown on the audit images, which it
            never learned from.
          </p>
        </>
      ) : (
        <p>No version serves yet.</p>
      )}
      <p class="soft small">
        {MODE[mode]} <a href={`/staff/${slug}/settings#setting-deployment_mode`}>Change that</a>
      </p>
    </section>
  );
}
