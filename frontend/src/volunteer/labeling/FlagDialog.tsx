import type { FlagChoice } from "../../api/types";
import { Dialog } from "../../shared/Dialog/Dialog";
import "./FlagDialog.css";

export interface FlagDialogProps {
  open: boolean;
  flags: readonly FlagChoice[];
  onFlag: (reason: string) => void;
  onClose: () => void;
}

/** What is wrong with the image: one press, by pointer or by digit. */
export function FlagDialog({ open, flags, onFlag, onClose }: FlagDialogProps) {
  const onKeyDown = (event: KeyboardEvent) => {
    const choice = /^[1-9]$/.test(event.key) ? flags[Number(event.key) - 1] : undefined;
    if (!choice || event.repeat) return;
    event.preventDefault();
    onFlag(choice.reason);
  };
  return (
    <Dialog open={open} title="What is wrong with this image?" onClose={onClose}>
      <p class="soft">It is taken out of everybody's way, and the coordinator looks at it.</p>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: keys of the buttons inside. */}
      <div class="flag-list" onKeyDown={onKeyDown}>
        {flags.map((flag, place) => (
          <button
            type="button"
            class="flag-choice"
            key={flag.reason}
            // biome-ignore lint/a11y/noAutofocus: the first choice of a dialog that was just opened.
            autoFocus={place === 0}
            onClick={() => onFlag(flag.reason)}
          >
            <span>{flag.name}</span>
            <kbd class="kbd">{place + 1}</kbd>
          </button>
        ))}
      </div>
    </Dialog>
  );
}
