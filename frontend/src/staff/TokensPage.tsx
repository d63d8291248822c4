import { useState } from "preact/hooks";
import { api } from "../api/client";
import { Button } from "../shared/Button/Button";
import { ErrorNote } from "../shared/ErrorNote/ErrorNote";
import { Copyable } from "./Copyable";
import { moment } from "./format";
import { Loading } from "./Loading";
import type { ApiToken, NewApiToken } from "./types";
import { useAction } from "./useAction";
import { useResource } from "./useResource";

const SCOPES: Record<string, string> = {
  predict: "ask the classifier",
  queue: "send pictures to the queue",
  read: "read the project",
  export: "download labels and answers",
};

export function TokensPage({ slug }: { slug: string }) {
  const { data, error, reload } = useResource<ApiToken[]>("staff/tokens");
  return (
    <div class="stack">
      <NewToken slug={slug} onMade={reload} />
      <section class="card stack">
        <h2>Your tokens</h2>
        <ErrorNote error={error} onRetry={reload} />
        {!data && !error && <Loading />}
        {data?.length === 0 && <p class="empty">None. Programs cannot use your projects.</p>}
        <ul class="lines">
          {(data ?? []).map((token) => (
            <TokenLine key={token.id} token={token} onChange={reload} />
          ))}
        </ul>
      </section>
    </div>
  );
}

function TokenLine({ token, onChange }: { token: ApiToken; onChange: () => void }) {
  const { busy, run } = useAction();
  const isOver = Date.parse(token.expires_at) <= Date.now();
  const revoke = async () => {
    if (await run(() => api.delete(`staff/tokens/${token.id}`), `${token.name} is revoked.`)) {
      onChange();
    }
  };
  return (
    <li class="line">
      <span>
        <strong>{token.name}</strong> <code class="small">{token.prefix}…</code>{" "}
        {isOver && <span class="pill">expired</span>}
        <span class="soft small">
          May {token.scopes.map((scope) => SCOPES[scope] ?? scope).join(", ")}
          {token.project ? ` in ${token.project}` : " in all your projects"}. Until{" "}
          {moment(token.expires_at)};{" "}
          {token.last_used_at ? `last used ${moment(token.last_used_at)}` : "never used"}.
        </span>
      </span>
      <Button
        size="s"
        tone="quiet"
        busy={busy}
        aria-label={`Revoke ${token.name}`}
        onClick={revoke}
      >
        Revoke
      </Button>
    </li>
  );
}

function NewToken({ slug, onMade }: { slug: string; onMade: () => void }) {
  const [name, setName] = useState("");
  const [scopes, setScopes] = useState<string[]>(["predict"]);
  const [days, setDays] = useState("365");
  const [made, setMade] = useState<NewApiToken | null>(null);
  const { busy, run } = useAction();

  const toggle = (scope: string, isOn: boolean) =>
    setScopes(isOn ? [...scopes, scope] : scopes.filter((other) => other !== scope));
  const submit = async (event: Event) => {
    event.preventDefault();
    const body = { name, scopes, project: slug, days: Number(days) };
    await run(async () => {
      setMade(await api.post<NewApiToken>("staff/tokens", body));
      setName("");
      onMade();
    });
  };

  return (
    <section class="card stack">
      <h2>Let a program in</h2>
      <p class="soft small">
        A token speaks for you in this project, and only for what you tick.{" "}
        <a href="/api/v1/docs/">API documentation</a>
      </p>
      <form class="stack" onSubmit={submit}>
        <div class="two-fields">
          <div class="field">
            <label for="token-name">What it is for</label>
            <input
              id="token-name"
              class="input"
              required
              maxLength={80}
              placeholder="till scanner"
              value={name}
              onInput={(event) => setName(event.currentTarget.value)}
            />
          </div>
          <div class="field">
            <label for="token-days">Days it works</label>
            <input
              id="token-days"
              class="input"
              type="number"
              required
              min={1}
              max={3650}
              value={days}
              onInput={(event) => setDays(event.currentTarget.value)}
            />
          </div>
        </div>
        <fieldset class="checks">
          <legend>It may</legend>
          {Object.entries(SCOPES).map(([scope, meaning]) => (
            <label key={scope} class="check">
              <input
                type="checkbox"
                checked={scopes.includes(scope)}
                onChange={(event) => toggle(scope, event.currentTarget.checked)}
              />
              {meaning}
            </label>
          ))}
        </fieldset>
        <div>
          <Button type="submit" tone="primary" busy={busy} disabled={scopes.length === 0}>
            Make a token
          </Button>
        </div>
      </form>
      {made && (
        <div class="made-link" role="status">
          <div class="stack">
            <p>
              <strong>Take it now: it is shown this once.</strong> Only its fingerprint is stored.
            </p>
            <Copyable text={made.token} name="the token" />
          </div>
        </div>
      )}
    </section>
  );
}
