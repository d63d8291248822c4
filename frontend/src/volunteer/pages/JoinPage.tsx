import { useEffect, useRef, useState } from "preact/hooks";
import { useRoute } from "preact-iso";
import { ApiError, api } from "../../api/client";
import type { InvitationView, Joined } from "../../api/types";
import { Button } from "../../shared/Button/Button";
import { ErrorNote } from "../../shared/ErrorNote/ErrorNote";
import { useLoad } from "../../shared/useLoad";
import { useTitle } from "../../shared/useTitle";
import { Shell } from "../Shell";
import { loadSession } from "../session";
import { type Here, whoIsHere } from "../whoIsHere";

const NAME_LENGTH = 60;

/** The server's reason is a whole sentence; what to do next is the same for each. */
function Closed({ title, why }: { title: string; why: string }) {
  return (
    <>
      <h1>{title}</h1>
      <p class="lead">{why}</p>
      <p>
        If you have joined before, open your personal link instead; it goes on working. Or go to{" "}
        <a href="/">the projects you have joined on this device</a>.
      </p>
    </>
  );
}

interface KnownHereProps {
  here: Here;
  project: InvitationView["project"];
  /** Why nobody else can join by this link; empty where somebody can. */
  reason: string;
  onElse: () => void;
}

/** Opened again where somebody has joined: joining twice would split one person's answers. */
function KnownHere({ here, project, reason, onElse }: KnownHereProps) {
  return (
    <>
      <div class="stack">
        <p class="soft">Good to see you again</p>
        <h1>{project.name}</h1>
        <p class="lead">
          {here.hasJoined
            ? `You have joined on this device as ${here.name}.`
            : `You are signed in here as ${here.name}.`}
        </p>
      </div>
      <div class="row">
        <a class="button" data-tone="primary" data-size="l" href={`/label/${project.slug}`}>
          Continue as {here.name}
        </a>
        {!here.isSignedIn && reason === "" && (
          <Button size="l" onClick={onElse}>
            I am somebody else
          </Button>
        )}
      </div>
      {here.isSignedIn && (
        <p class="soft">
          Somebody else? Sign out first, or open the link in another browser or a private window.
        </p>
      )}
      {reason !== "" && !here.isSignedIn && <p class="soft">Somebody else? {reason}</p>}
    </>
  );
}

interface JoinFormProps {
  invitation: InvitationView;
  /** Who this browser has been so far in the project. */
  before: string | null;
  onJoin: (joined: Joined) => void;
}

function JoinForm({ invitation, before, onJoin }: JoinFormProps) {
  const { token = "" } = useRoute().params;
  const [name, setName] = useState("");
  const [hasConsented, setConsented] = useState(false);
  const [missing, setMissing] = useState({ name: false, consent: false });
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const isTaken = before !== null && name.trim().toLowerCase() === before.toLowerCase();
  const nameInput = useRef<HTMLInputElement>(null);
  const { project } = invitation;

  // The button that brought somebody else here is gone.
  useEffect(() => {
    if (before !== null) nameInput.current?.focus();
  }, [before]);

  const join = async (event: Event) => {
    event.preventDefault();
    const lack = { name: name.trim() === "" || isTaken, consent: !hasConsented };
    setMissing(lack);
    if (lack.name) nameInput.current?.focus();
    if (lack.name || lack.consent) return;
    setBusy(true);
    setError(null);
    try {
      const body = { display_name: name.trim(), consent: true };
      onJoin(await api.post<Joined>(`invitations/${encodeURIComponent(token)}/accept`, body));
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  };

  return (
    <>
      <div class="stack">
        <p class="soft">You are invited to</p>
        <h1>{project.name}</h1>
        {project.description && <p class="lead">{project.description}</p>}
      </div>
      <form class="card stack" noValidate onSubmit={join}>
        <div class="field">
          <label for="display-name">What should we call you?</label>
          <input
            ref={nameInput}
            id="display-name"
            class="input"
            value={name}
            maxLength={NAME_LENGTH}
            autocomplete="nickname"
            aria-invalid={missing.name}
            aria-describedby="display-name-hint"
            onInput={(event) => setName(event.currentTarget.value)}
          />
          <p
            class="hint"
            id="display-name-hint"
            data-tone={missing.name || isTaken ? "danger" : undefined}
          >
            {isTaken
              ? `${before} has joined on this device already; please choose another name.`
              : missing.name
                ? "Please enter a name; any will do."
                : "A first name or a made-up one. The coordinator sees it."}
            {before !== null && !isTaken && ` ${before} gets back by the personal link.`}
          </p>
        </div>
        <div class="terms small">
          <p>{project.consent}</p>
          <p>Licence of the answers: {project.licence}.</p>
        </div>
        <label class="check">
          <input
            type="checkbox"
            checked={hasConsented}
            aria-invalid={missing.consent}
            onChange={(event) => setConsented(event.currentTarget.checked)}
          />
          <span>
            I have read this and agree.
            {missing.consent && <strong> Please tick this to take part.</strong>}
          </span>
        </label>
        {error !== null && <ErrorNote error={error} />}
        <Button type="submit" tone="primary" size="l" busy={isBusy}>
          Join
        </Button>
      </form>
    </>
  );
}

function Welcome({ joined, project }: { joined: Joined; project: InvitationView["project"] }) {
  const [isCopied, setCopied] = useState(false);
  const link = useRef<HTMLInputElement>(null);
  const address = new URL(joined.resume_url, location.href).href;

  const copy = async () => {
    link.current?.select();
    // navigator.clipboard exists only on HTTPS and localhost; the old command works elsewhere.
    if (navigator.clipboard) await navigator.clipboard.writeText(address);
    else document.execCommand("copy");
    setCopied(true);
  };

  return (
    <>
      <div class="stack">
        <h1>Welcome, {joined.annotator.display_name}</h1>
        <p class="lead">You are in. Thank you for helping with {project.name}.</p>
      </div>
      <section class="card stack">
        <h2>Keep your personal link</h2>
        <p>
          It brings you back to your answers on any device. Anyone who has it can answer as you, so
          keep it to yourself. It is shown only now.
        </p>
        <div class="copy-line">
          <input
            ref={link}
            class="input"
            readOnly
            value={address}
            aria-label="Your personal link"
            onFocus={(event) => event.currentTarget.select()}
          />
          <Button onClick={copy}>{isCopied ? "Copied" : "Copy"}</Button>
        </div>
        <p class="visually-hidden" role="status">
          {isCopied ? "Link copied." : ""}
        </p>
      </section>
      <a class="button" data-tone="primary" data-size="l" href={`/label/${joined.project}`}>
        Start labeling
      </a>
    </>
  );
}

interface Door {
  invitation: InvitationView;
  here: Here | null;
}

async function knock(token: string, signal: AbortSignal): Promise<Door> {
  const [invitation, session] = await Promise.all([
    api.get<InvitationView>(`invitations/${encodeURIComponent(token)}`, { signal }),
    loadSession(signal),
  ]);
  return { invitation, here: whoIsHere(invitation, session) };
}

interface AnteroomProps extends Door {
  onJoin: (joined: Joined) => void;
}

/** What stands before joining: nothing to do again, a closed door, or the form. */
function Anteroom({ invitation, here, onJoin }: AnteroomProps) {
  const [isElse, setElse] = useState(false);
  const { project, valid } = invitation;
  const reason = valid
    ? ""
    : invitation.reason || "Please ask the person who sent it for a new one.";
  if (here && !isElse) {
    return <KnownHere here={here} project={project} reason={reason} onElse={() => setElse(true)} />;
  }
  if (!valid) return <Closed title="This invitation is closed" why={reason} />;
  return <JoinForm invitation={invitation} before={here?.name ?? null} onJoin={onJoin} />;
}

export function JoinPage() {
  const { token = "" } = useRoute().params;
  const [joined, setJoined] = useState<Joined | null>(null);
  const { data, error, reload } = useLoad(token, (signal) => knock(token, signal));
  const welcome = (answer: Joined) => {
    setJoined(answer);
    // The button was at the end of a long page on a phone.
    scrollTo(0, 0);
  };
  useTitle(data ? `Join ${data.invitation.project.name}` : "Join");
  const isUnknown = error instanceof ApiError && (error.status === 404 || error.status === 410);
  const stage = joined ? "joined" : data ? "form" : "loading";
  return (
    <Shell key={stage + String(isUnknown)}>
      {isUnknown && (
        <Closed
          title="This link does not open anything"
          why="It may be incomplete. Please ask the person who sent it for a new one."
        />
      )}
      {error !== null && !isUnknown && <ErrorNote error={error} onRetry={reload} />}
      {data && !joined && <Anteroom {...data} onJoin={welcome} />}
      {data && joined && <Welcome joined={joined} project={data.invitation.project} />}
    </Shell>
  );
}
