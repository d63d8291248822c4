import type { ProgressCounts } from "../../api/types";
import { count } from "../../shared/numbers";
import { Progress } from "../../shared/Progress/Progress";
import { Mark } from "../Shell";
import type { Desk, Registry } from "./actions";
import { keyName } from "./keys";

function unsentWords(unsent: number, isRetrying: boolean, isPaused: boolean): string {
  if (unsent === 0) return "";
  const answers = unsent === 1 ? "1 answer" : `${unsent} answers`;
  if (isPaused) return `${answers} kept here, not sent yet`;
  return isRetrying ? `Offline: ${answers} kept here, not sent yet` : `Sending ${answers}`;
}

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
          <span class="desk-mine">{count(progress.mine)} by you</span>
          {skipped > 0 && <span class="desk-all">, {count(skipped)} skipped</span>}
          <span class="desk-all">
            , {count(progress.labeled)} of {count(progress.total)} images labeled
          </span>
        </p>
        <button
          type="button"
          class="desk-impact"
          aria-label={`What your ${count(progress.mine)} answers did`}
          title="What your answers did"
          onClick={() => desk.open("impact")}
        />
      </div>
      <p class="desk-unsent" role="status" data-shown={unsent > 0 && (isRetrying || unsent > 2)}>
        {(isRetrying || unsent > 2) && unsentWords(unsent, isRetrying, isPaused)}
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
