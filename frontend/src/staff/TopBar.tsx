import { api } from "../api/client";
import { Button } from "../shared/Button/Button";
import { useSession } from "./session";
import { useAction } from "./useAction";

/** Home, who is signed in, and the way out; the records for owners of all of Larder. */
export function TopBar() {
  const { session, reload } = useSession();
  const { busy, run } = useAction();
  const { user } = session;
  return (
    <div class="top-bar small">
      <a class="brand" href="/staff/">
        Larder staff room
      </a>
      <nav class="top-links" aria-label="Elsewhere">
        <a href="/api/v1/docs/">API</a>
        {user?.is_superuser && <a href="/admin/">Records</a>}
      </nav>
      <span class="soft top-name">{user?.display_name || user?.username}</span>
      <Button
        size="s"
        tone="quiet"
        busy={busy}
        onClick={() =>
          run(() => api.post("session/logout")).then((ok) => (ok ? reload() : undefined))
        }
      >
        Sign out
      </Button>
    </div>
  );
}
