import { Dialog } from "../../shared/Dialog/Dialog";
import { HISTORY } from "./history";
import { type Names, nameOfAnswer } from "./PreviousLine";
import type { QueueState } from "./queueState";
import "./RecentDialog.css";

export interface RecentDialogProps {
  open: boolean;
  state: QueueState;
  names: Names;
  onUndo: (key: string) => void;
  onClose: () => void;
}

/** The last answers with their pictures, newest first; any of them can be taken back. */
export function RecentDialog({ open, state, names, onUndo, onClose }: RecentDialogProps) {
  return (
    <Dialog open={open} title="Recent answers" onClose={onClose}>
      {state.recent.length === 0 ? (
        <p class="soft">None yet. Your last {HISTORY} answers can be taken back here.</p>
      ) : (
        <p class="soft">Take one back, and its image comes again at once.</p>
      )}
      <ul class="recent-list">
        {state.recent.map((past, place) => {
          const said = nameOfAnswer(past.kind, past.labels, names);
          return (
            <li key={past.key} class="recent">
              <img src={past.image.thumb_url} alt="" />
              <span class="recent-said">
                {said}
                {past.annotation === null && <span class="soft small"> on its way</span>}
              </span>
              <button
                type="button"
                class="button"
                data-size="s"
                disabled={!state.canUndo}
                aria-label={`Take back ${said}, ${ago(place)}`}
                onClick={() => onUndo(past.key)}
              >
                Take back
              </button>
            </li>
          );
        })}
      </ul>
    </Dialog>
  );
}

function ago(place: number): string {
  return place === 0 ? "your last answer" : `${place + 1} answers ago`;
}
