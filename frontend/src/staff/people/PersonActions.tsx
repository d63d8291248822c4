import { useState } from "preact/hooks";
import { api } from "../../api/client";
import { Button } from "../../shared/Button/Button";
import { Dialog } from "../../shared/Dialog/Dialog";
import { words } from "../format";
import { useSession } from "../session";
import { useAction } from "../useAction";
import { nameOf, quarantineWords } from "./people";
import type { Person } from "./types";

type Asked = "none" | "pause" | "quarantine" | "anonymise";

interface ActionProps {
  path: string;
  person: Person;
  onChange: () => void;
}

/** What staff can do about somebody; what is grave asks first. */
export function PersonActions({ path, person, onChange }: ActionProps) {
  const [asked, setAsked] = useState<Asked>("none");
  const { busy, run } = useAction();
  const done = () => {
    setAsked("none");
    onChange();
  };
  const lift = async () => {
    const said = `${nameOf(person)} gets images again.`;
    if (await run(() => api.post(`${path}/pause`, { paused: false }), said)) onChange();
  };
  const rest = { path, person, onChange: done, onClose: () => setAsked("none") };
  return (
    <div class="person-actions">
      {person.paused ? (
        <Button size="s" tone="primary" busy={busy} onClick={lift}>
          Lift the pause
        </Button>
      ) : (
        <Button size="s" onClick={() => setAsked("pause")}>
          Pause
        </Button>
      )}
      <Button
        size="s"
        tone={person.quarantined ? "primary" : "danger"}
        onClick={() => setAsked("quarantine")}
      >
        {person.quarantined ? "Bring the answers back" : "Set all answers aside"}
      </Button>
      {!person.anonymised && (
        <Button size="s" tone="quiet" onClick={() => setAsked("anonymise")}>
          Remove the name
        </Button>
      )}
      <RoleChoice path={path} person={person} onChange={onChange} />
      <PauseDialog {...rest} open={asked === "pause"} />
      <QuarantineDialog {...rest} open={asked === "quarantine"} />
      <AnonymiseDialog {...rest} open={asked === "anonymise"} />
    </div>
  );
}

const ROLES = ["VOLUNTEER", "EXPERT", "MANAGER", "OWNER"];
const DEALT_BY_MANAGERS = new Set(["VOLUNTEER", "EXPERT"]);

function RoleChoice({ path, person, onChange }: ActionProps) {
  const { session } = useSession();
  const { busy, run } = useAction();
  const slug = path.split("/")[2];
  const isOwner =
    session.user?.is_superuser === true ||
    session.projects.find((project) => project.slug === slug)?.role === "OWNER";
  const id = `role-${person.id}`;
  if (!person.has_account) {
    return <span class="soft small">No login, so no role but volunteer.</span>;
  }
  const isTheirs = isOwner || DEALT_BY_MANAGERS.has(person.role);
  const offered = ROLES.filter(
    (role) => isOwner || DEALT_BY_MANAGERS.has(role) || role === person.role,
  );
  const change = async (role: string) => {
    const said = `${nameOf(person)} is ${words(role)} now.`;
    await run(() => api.post(`${path}/role`, { role }), said);
    onChange();
  };
  return (
    <span class="role-choice">
      <label for={id} class="small soft">
        Role
      </label>
      <select
        id={id}
        class="input"
        disabled={busy || !isTheirs}
        value={person.role}
        onChange={(event) => void change(event.currentTarget.value)}
      >
        {offered.map((role) => (
          <option key={role} value={role}>
            {words(role)}
          </option>
        ))}
      </select>
    </span>
  );
}

interface AskProps extends ActionProps {
  open: boolean;
  onClose: () => void;
}

function Why({ id, value, onInput }: { id: string; value: string; onInput: (v: string) => void }) {
  return (
    <div class="field">
      <label for={id}>Why (for staff, may stay empty)</label>
      <input
        id={id}
        class="input"
        maxLength={300}
        value={value}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
    </div>
  );
}

function PauseDialog({ path, person, open, onChange, onClose }: AskProps) {
  const [why, setWhy] = useState("");
  const { busy, run } = useAction();
  const pause = async () => {
    const said = `${nameOf(person)} is paused.`;
    if (await run(() => api.post(`${path}/pause`, { paused: true, why }), said)) onChange();
  };
  return (
    <Dialog open={open} title={`Pause ${nameOf(person)}?`} onClose={onClose}>
      <p>
        They get no more images and are told so kindly. What they have answered stays and counts.
      </p>
      <Why id={`pause-why-${person.id}`} value={why} onInput={setWhy} />
      <div class="dialog-actions">
        <Button onClick={onClose}>Not now</Button>
        <Button tone="primary" busy={busy} onClick={pause}>
          Pause
        </Button>
      </div>
    </Dialog>
  );
}

function QuarantineDialog({ path, person, open, onChange, onClose }: AskProps) {
  const [why, setWhy] = useState("");
  const { busy, run } = useAction();
  const isLift = person.quarantined;
  const send = async () => {
    const body = { quarantined: !isLift, why };
    const said = isLift ? "The answers count again." : "The answers are set aside.";
    if (await run(() => api.post(`${path}/quarantine`, body), said)) onChange();
  };
  const title = isLift
    ? `Bring back what ${nameOf(person)} said?`
    : `Set aside everything ${nameOf(person)} said?`;
  return (
    <Dialog open={open} title={title} onClose={busy ? () => {} : onClose}>
      {isLift ? (
        <p>
          Every answer counts again, and labels, skills, accuracy and the next classifier are worked
          out with them: as if they had never been set aside.
        </p>
      ) : (
        <ul class="plain-words">
          {quarantineWords(person).map((sentence) => (
            <li key={sentence}>{sentence}</li>
          ))}
        </ul>
      )}
      <Why id={`quarantine-why-${person.id}`} value={why} onInput={setWhy} />
      <p role="status" class="soft small">
        {busy
          ? "Working everything out again …"
          : "It begins at once; in a large project the figures follow within a minute or two."}
      </p>
      <div class="dialog-actions">
        <Button disabled={busy} onClick={onClose}>
          Leave it as it is
        </Button>
        <Button tone={isLift ? "primary" : "danger"} busy={busy} onClick={send}>
          {isLift ? "Bring them back" : "Set them aside"}
        </Button>
      </div>
    </Dialog>
  );
}

function AnonymiseDialog({ path, person, open, onChange, onClose }: AskProps) {
  const [typed, setTyped] = useState("");
  const { busy, run } = useAction();
  const send = async (event: Event) => {
    event.preventDefault();
    const body = { display_name: typed };
    if (await run(() => api.post(`${path}/anonymise`, body), "The name is gone.")) onChange();
  };
  const id = `anonymise-${person.id}`;
  return (
    <Dialog open={open} title={`Remove the name ${nameOf(person)}?`} onClose={onClose}>
      <form class="stack" onSubmit={send}>
        <p>
          The name, the way to sign in and the personal link go; the answers stay and count, as
          nobody's. <strong>This cannot be undone.</strong>
        </p>
        <div class="field">
          <label for={id}>Type the name once more to confirm</label>
          <input
            id={id}
            class="input"
            autocomplete="off"
            value={typed}
            onInput={(event) => setTyped(event.currentTarget.value)}
          />
        </div>
        <div class="dialog-actions">
          <Button onClick={onClose}>Keep the name</Button>
          <Button
            type="submit"
            tone="danger"
            busy={busy}
            disabled={typed.trim() !== person.display_name}
          >
            Remove it for good
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
