import { useState } from "preact/hooks";
import { api } from "../api/client";
import { Button } from "../shared/Button/Button";
import { ErrorNote } from "../shared/ErrorNote/ErrorNote";
import { useTitle } from "../shared/useTitle";

export function Login({ onDone }: { onDone: () => void }) {
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);

  useTitle("Sign in");

  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    try {
      await api.post("session/login", { username, password });
      onDone();
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  };

  return (
    <main class="staff-page staff-login">
      <form class="card stack" onSubmit={submit}>
        <h1>Staff room</h1>
        <ErrorNote error={error} />
        <div class="field">
          <label for="username">User name</label>
          <input
            id="username"
            class="input"
            autocomplete="username"
            required
            value={username}
            onInput={(event) => setUsername(event.currentTarget.value)}
          />
        </div>
        <div class="field">
          <label for="password">Password</label>
          <input
            id="password"
            class="input"
            type="password"
            autocomplete="current-password"
            required
            value={password}
            onInput={(event) => setPassword(event.currentTarget.value)}
          />
        </div>
        <Button type="submit" tone="primary" busy={busy}>
          Sign in
        </Button>
        <p class="soft small">
          Lost the password? On the server, <code>make login-link</code> prints a link that works
          once.
        </p>
      </form>
    </main>
  );
}
