import { api } from "../../api/client";
import { Button } from "../../shared/Button/Button";
import { ErrorNote } from "../../shared/ErrorNote/ErrorNote";
import { moment } from "../format";
import { useAction } from "../useAction";
import { useResource } from "../useResource";
import type { Message } from "./types";

/** What volunteers wrote; what is handled folds away. */
export function Messages({ base }: { base: string }) {
  const { data, error, reload } = useResource<Message[]>(`${base}/messages`);
  const open = (data ?? []).filter((message) => message.handled_at === null);
  const handled = (data ?? []).filter((message) => message.handled_at !== null);
  return (
    <section class="card stack">
      <h2>Messages from volunteers</h2>
      <ErrorNote error={error} onRetry={reload} />
      {data?.length === 0 && (
        <p class="empty">None. Volunteers write by “Contact” on the labeling page.</p>
      )}
      {data && data.length > 0 && open.length === 0 && <p class="empty">All handled.</p>}
      <ul class="lines">
        {open.map((message) => (
          <Line key={message.id} base={base} message={message} onChange={reload} />
        ))}
      </ul>
      {handled.length > 0 && (
        <details class="small">
          <summary>{handled.length} handled</summary>
          <ul class="lines">
            {handled.map((message) => (
              <Line key={message.id} base={base} message={message} onChange={reload} />
            ))}
          </ul>
        </details>
      )}
    </section>
  );
}

interface LineProps {
  base: string;
  message: Message;
  onChange: () => void;
}

function Line({ base, message, onChange }: LineProps) {
  const { busy, run } = useAction();
  const isHandled = message.handled_at !== null;
  const turn = async () => {
    const path = `${base}/messages/${message.id}/handled`;
    if (await run(() => api.post(path, { handled: !isHandled }))) onChange();
  };
  return (
    <li class="line message">
      <span>
        {message.text}
        <span class="soft small">
          {message.display_name}, {moment(message.created_at)}
        </span>
      </span>
      <Button
        size="s"
        tone={isHandled ? "quiet" : "plain"}
        busy={busy}
        aria-label={`${isHandled ? "Not handled yet" : "Handled"}: message of ${message.display_name}`}
        onClick={turn}
      >
        {isHandled ? "Not handled yet" : "Handled"}
      </Button>
    </li>
  );
}
