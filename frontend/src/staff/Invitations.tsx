import { useState } from "preact/hooks";
import { api } from "../api/client";
import { Button } from "../shared/Button/Button";
import { Copyable } from "./Copyable";
import { moment, words } from "./format";
import type { Invitation, NewInvitation } from "./people/types";
import { useAction } from "./useAction";

const ROLES = { VOLUNTEER: "volunteer", EXPERT: "expert", MANAGER: "manager" };

export function Invite({ base, onMade }: { base: string; onMade: () => void }) {
  const [role, setRole] = useState("VOLUNTEER");
  const [limit, setLimit] = useState("100");
  const [days, setDays] = useState("14");
  const [made, setMade] = useState<NewInvitation | null>(null);
  const { busy, run } = useAction();

  const submit = async (event: Event) => {
    event.preventDefault();
    const body = { role, use_limit: Number(limit), days: Number(days) };
    await run(async () => {
      setMade(await api.post<NewInvitation>(`${base}/invitations`, body));
      onMade();
    });
  };

  return (
    <section class="card stack">
      <h2>Invite by link</h2>
      <p class="soft small">
        Whoever has the link may join with a name of their own choice: no e-mail, no password.
      </p>
      <form class="invite-form" onSubmit={submit}>
        <div class="field">
          <label for="invite-role">As</label>
          <select
            id="invite-role"
            class="input"
            value={role}
            onChange={(event) => setRole(event.currentTarget.value)}
          >
            {Object.entries(ROLES).map(([key, name]) => (
              <option key={key} value={key}>
                {name}
              </option>
            ))}
          </select>
        </div>
        <div class="field">
          <label for="invite-limit">People at most</label>
          <input
            id="invite-limit"
            class="input"
            type="number"
            required
            min={1}
            max={100000}
            value={limit}
            onInput={(event) => setLimit(event.currentTarget.value)}
          />
        </div>
        <div class="field">
          <label for="invite-days">Days it works</label>
          <input
            id="invite-days"
            class="input"
            type="number"
            required
            min={1}
            max={365}
            value={days}
            onInput={(event) => setDays(event.currentTarget.value)}
          />
        </div>
        <Button type="submit" tone="primary" busy={busy}>
          Make a link
        </Button>
      </form>
      {made && <MadeLink invitation={made} />}
    </section>
  );
}

const THIS_MACHINE = new Set(["127.0.0.1", "localhost", "[::1]"]);

/** Whether a link leads nowhere on any device but the one that Larder runs on. */
export function isOnlyHere(url: string): boolean {
  return THIS_MACHINE.has(new URL(url).hostname);
}

export function MadeLink({ invitation }: { invitation: NewInvitation }) {
  return (
    <div class="made-link" role="status">
      <img
        class="qr"
        alt="QR code of the link"
        src={`data:image/svg+xml;utf8,${encodeURIComponent(invitation.qr_svg)}`}
      />
      <div class="stack">
        <p>
          <strong>Take it now: it is shown this once.</strong> It works until{" "}
          {moment(invitation.expires_at)}, for {invitation.use_limit} people.
        </p>
        <Copyable text={invitation.url} name="the link" />
        {isOnlyHere(invitation.url) && (
          <p class="small">
            This link opens on this computer only. For phones on your network, start Larder with{" "}
            <code>make run SHARE=lan</code>, then make a link again.
          </p>
        )}
      </div>
    </div>
  );
}

/** Why a link no longer works; empty while it does. */
export function endedBecause(invitation: Invitation, now: number): string {
  if (invitation.revoked_at !== null) return "withdrawn";
  if (Date.parse(invitation.expires_at) <= now) return "expired";
  if (invitation.uses >= invitation.use_limit) return "used up";
  return "";
}

interface InvitationsProps {
  base: string;
  list: Invitation[];
  onChange: () => void;
}

export function Invitations({ base, list, onChange }: InvitationsProps) {
  const now = Date.now();
  const open = list.filter((invitation) => !endedBecause(invitation, now));
  const ended = list.filter((invitation) => endedBecause(invitation, now));
  if (list.length === 0) return null;
  return (
    <section class="card stack">
      <h2>Links</h2>
      {open.length === 0 && <p class="soft">No link works at present.</p>}
      <ul class="lines">
        {open.map((invitation) => (
          <Line key={invitation.id} base={base} invitation={invitation} onChange={onChange} />
        ))}
      </ul>
      {ended.length > 0 && (
        <details class="small">
          <summary>{ended.length} that no longer work</summary>
          <ul class="lines">
            {ended.map((invitation) => (
              <Line key={invitation.id} base={base} invitation={invitation} onChange={onChange} />
            ))}
          </ul>
        </details>
      )}
    </section>
  );
}

interface LineProps {
  base: string;
  invitation: Invitation;
  onChange: () => void;
}

function Line({ base, invitation, onChange }: LineProps) {
  const { busy, run } = useAction();
  const ended = endedBecause(invitation, Date.now());
  const withdraw = async () => {
    const path = `${base}/invitations/${invitation.id}/revoke`;
    if (await run(() => api.post(path), "Withdrawn. Who joined stays.")) onChange();
  };
  return (
    <li class="line">
      <span>
        <strong>{words(invitation.role)}</strong>, used {invitation.uses} of {invitation.use_limit}{" "}
        times
        <span class="soft small">
          made {moment(invitation.created_at)}, until {moment(invitation.expires_at)}
        </span>
      </span>
      {ended ? (
        <span class="pill">{ended}</span>
      ) : (
        <Button
          size="s"
          tone="quiet"
          busy={busy}
          aria-label={`Withdraw the ${words(invitation.role)} link of ${moment(invitation.created_at)}`}
          onClick={withdraw}
        >
          Withdraw
        </Button>
      )}
    </li>
  );
}
