import { useState } from "preact/hooks";
import { api } from "../../api/client";
import { Button } from "../../shared/Button/Button";
import { Dialog } from "../../shared/Dialog/Dialog";
import { EvidencePill } from "../../shared/EvidencePill/EvidencePill";
import { interval, moment, percent, plural } from "../format";
import { useAction } from "../useAction";
import type { AuditShare, Waiting } from "./types";
import { waitsWords } from "./words";

interface WaitingCardProps {
  base: string;
  version: Waiting;
  onDone: () => void;
}

/** A version that does not serve: its numbers beside those of what serves, and a yes or no. */
export function WaitingCard({ base, version, onDone }: WaitingCardProps) {
  const [isAsking, setAsking] = useState(false);
  const { busy, run } = useAction();
  const path = `${base}/versions/${version.id}`;
  const serve = async () => {
    const said =
      version.kind === "FINETUNE"
        ? `Version ${version.number} reads all images now, and then serves.`
        : `Version ${version.number} serves.`;
    await run(() => api.post(`${path}/serve`, {}), said);
    onDone();
  };
  return (
    <section class="card stack waiting">
      <div class="version-head">
        <h2>{waitsWords(version)}</h2>
        <EvidencePill evidence={version.evidence} />
        <span class="soft small version-when">
          {plural(version.n_labels, "label")}, {moment(version.created_at)}
        </span>
      </div>
      <p class="verdict">{version.verdict}</p>
      <OnAudit version={version} />
      <div class="row">
        {version.waits_for === "YES" && (
          <Button tone="primary" busy={busy} onClick={serve}>
            Let v{version.number} serve
          </Button>
        )}
        <Button onClick={() => setAsking(true)}>Set v{version.number} aside</Button>
      </div>
      <SetAsideDialog
        path={path}
        number={version.number}
        open={isAsking}
        onClose={() => setAsking(false)}
        onDone={onDone}
      />
    </section>
  );
}

function OnAudit({ version }: { version: Waiting }) {
  const found = version.on_audit;
  if (!found) return <p class="soft">No audit answers yet to compare it on.</p>;
  return (
    <div class="stack">
      <table class="plain-table on-audit">
        <caption class="visually-hidden">On the same {found.n} audit images</caption>
        <thead>
          <tr>
            <th scope="col">On the same {plural(found.n, "audit image")}</th>
            <th scope="col" class="num">
              Right
            </th>
            <th scope="col" class="num">
              Accuracy
            </th>
          </tr>
        </thead>
        <tbody>
          <ShareRow name={`v${version.number}, new`} share={found.challenger} />
          <ShareRow name={`v${found.champion.number}, serves`} share={found.champion} />
        </tbody>
      </table>
      <p class="small">
        They differ on {plural(found.wins + found.losses, "image")} where one is right: v
        {version.number} on {found.wins}, v{found.champion.number} on {found.losses}. Images that
        are not settled yet are left out here for both; the overview counts them both ways.
      </p>
    </div>
  );
}

function ShareRow({ name, share }: { name: string; share: AuditShare }) {
  return (
    <tr>
      <th scope="row">{name}</th>
      <td class="num">{share.right}</td>
      <td class="num">
        {percent(share.estimate)} <span class="soft">({interval(share.low, share.high)})</span>
      </td>
    </tr>
  );
}

interface SetAsideDialogProps {
  path: string;
  number: number;
  open: boolean;
  onClose: () => void;
  onDone: () => void;
}

function SetAsideDialog({ path, number, open, onClose, onDone }: SetAsideDialogProps) {
  const [reason, setReason] = useState("");
  const { busy, run } = useAction();
  const setAside = async (event: Event) => {
    event.preventDefault();
    const work = () => api.post(`${path}/set-aside`, { reason });
    if (!(await run(work, `Version ${number} is set aside.`))) return;
    onClose();
    onDone();
  };
  return (
    <Dialog open={open} title={`Set version ${number} aside?`} onClose={onClose}>
      <form class="stack" onSubmit={setAside}>
        <p>It will not serve. The next one is offered with a tenth more labels.</p>
        <div class="field">
          <label for={`aside-${number}`}>Why (kept with the version)</label>
          <input
            id={`aside-${number}`}
            class="input"
            maxLength={500}
            value={reason}
            onInput={(event) => setReason(event.currentTarget.value)}
          />
        </div>
        <div class="dialog-actions">
          <Button onClick={onClose}>Leave it waiting</Button>
          <Button type="submit" tone="primary" busy={busy}>
            Set aside
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
