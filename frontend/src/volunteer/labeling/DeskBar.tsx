import type { ProgressCounts } from "../../api/types";
import { count } from "../../shared/numbers";
import { Progress } from "../../shared/Progress/Progress";
import { useOnline } from "../../shared/useOnline";
import { Mark } from "../Shell";
import type { Desk, Registry } from "./actions";
import { keyName } from "./keys";

/** So many on their way are worth a word while the network is there. */
const MANY = 3;

export interface Connection {
  unsent: number;
  /** The last try did not reach the server. */
  isRetrying: boolean;
  /** Not the network but a pause is in the way. */
  isPaused: boolean;
  isOnline: boolean;
}

/** What is going on between this page and the server, in words; empty while all is well. */
export function connectionWords({ unsent, isRetrying, isPaused, isOnline }: Connection): string {
  const answers = unsent === 1 ? "1 answer" : `${unsent} answers`;
  if (isPaused) return unsent > 0 ? `${answers} kept here, not sent yet` : "";
  if (isRetrying || !isOnline) {
    return unsent > 0
      ? `Offline: ${answers} kept here, not sent yet`
      : "No connection. Your answers are kept here.";
  }
  return unsent >= MANY ? `Sending ${answers}` : "";
}

/** Why the two counts need not agree; read where one asks what the answers did. */
export const COUNTED =
  "An image counts as labeled once its label is settled. Some are asked of several people to be sure, so there may be more answers than labeled images.";

export interface DeskBarProps {
  name: string;
  progress: ProgressCounts;
  unsent: number;
  isRetrying: boolean;
  /** Not the network but a pause is in the way. */
  isPaused: boolean;
  registry: Registry;
  desk: Desk;
}

export function DeskBar(props: DeskBarProps) {
  const { name, progress, unsent, isRetrying, isPaused, registry, desk } = props;
  const { skipped = 0 } = progress;
  const words = connectionWords({ unsent, isRetrying, isPaused, isOnline: useOnline() });
  const guideKey = registry.byId.get("guide")?.keys[0] ?? "?";
  return (
    <header class="desk-bar">
      <div class="desk-title">
        <a class="desk-home" href="/" aria-label="Your projects">
          <Mark />
        </a>
        <h1 class="desk-name">{name}</h1>
      </div>
      <div class="desk-progress">
        <Progress
          value={progress.labeled}
          max={progress.total}
          label="Images labeled by everyone"
        />
        <p class="small soft">
          <span class="desk-mine">
            {count(progress.mine)}{" "}
            <span class="desk-all">{progress.mine === 1 ? "answer" : "answers"} </span>by you
          </span>
          {skipped > 0 && <span class="desk-all">, {count(skipped)} skipped</span>}
          <span class="desk-all">
            ; {count(progress.labeled)} of {count(progress.total)} images labeled
          </span>
        </p>
        <button
          type="button"
          class="desk-impact"
          aria-label={`What your ${count(progress.mine)} answers did`}
          title={`What your answers did. ${COUNTED}`}
          onClick={() => desk.open("impact")}
        />
      </div>
      <p class="desk-unsent" role="status" data-shown={words !== ""}>
        {words}
      </p>
      <div class="desk-tools">
        <button type="button" class="button" data-tone="quiet" onClick={() => desk.open("guide")}>
          Guide <kbd class="kbd">{keyName(guideKey)}</kbd>
        </button>
        <button type="button" class="button" data-tone="quiet" onClick={() => desk.open("contact")}>
          Contact
        </button>
      </div>
    </header>
  );
}
