import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, isAbort } from "../../api/client";
import type { Assignment, Confirmed } from "../../api/types";
import { Dialog } from "../../shared/Dialog/Dialog";
import { toast } from "../../shared/Toast/Toast";
import { uuid } from "../../shared/uuid";
import { useGuard } from "./AlikeDialogGuard";
import type { Past } from "./queueState";
import { wordsForRefusal } from "./refusals";
import { alikeTransport } from "./transport";
import "./AlikeDialog.css";

export interface AlikeDialogProps {
  slug: string;
  /** The answer whose lookalikes are asked about. */
  offer: Past;
  label: string;
  /** There is something to ask, and it is on the screen. */
  onOpen: () => void;
  onDone: (confirmed: Confirmed | null, held: readonly Assignment[]) => void;
  /** On the same scale as `event.timeStamp`. */
  clock?: () => number;
}

interface Tile {
  assignment: Assignment;
  key: string;
  isTicked: boolean;
}

/** Pictures nearly the same as the one just answered: take out the odd ones, confirm the others. */
export function AlikeDialog({
  slug,
  offer,
  label,
  onOpen,
  onDone,
  clock = () => performance.now(),
}: AlikeDialogProps) {
  const [tiles, setTiles] = useState<readonly Tile[]>([]);
  const [isSending, setSending] = useState(false);
  const [transport] = useState(() => alikeTransport(slug, offer.annotation ?? "", uuid()));
  const since = useRef(0);
  /** Its images are in hand: they are confirmed, or given back. */
  const isHeld = useRef(false);
  const giveBack = () => {
    if (isHeld.current) transport.release();
    isHeld.current = false;
  };

  // biome-ignore lint/correctness/useExhaustiveDependencies: asked once for each offer.
  useEffect(() => {
    const controller = new AbortController();
    transport.claim(controller.signal).then(
      ({ assignments }) => {
        if (assignments.length === 0) return onDone(null, []);
        since.current = Date.now();
        isHeld.current = true;
        onOpen();
        setTiles(assignments.map((assignment) => ({ assignment, key: uuid(), isTicked: true })));
      },
      // An offer that is gone, or cannot be had just now, is no loss: the images stay in the queue.
      (error) => !isAbort(error) && onDone(null, []),
    );
    return () => {
      controller.abort();
      // The answer it follows was taken back meanwhile.
      giveBack();
    };
  }, [transport]);

  const toggle = (id: string) =>
    setTiles((now) =>
      now.map((tile) => (tile.assignment.id === id ? { ...tile, isTicked: !tile.isTicked } : tile)),
    );
  const leave = () => {
    if (isSending) return;
    giveBack();
    onDone(null, []);
  };
  const ticked = tiles.filter((tile) => tile.isTicked);
  const confirm = async () => {
    if (isSending) return;
    setSending(true);
    isHeld.current = false;
    try {
      const confirmed = await transport.confirm({
        ticked: ticked.map(({ assignment, key }) => ({ assignment: assignment.id, key })),
        unticked: tiles.filter((tile) => !tile.isTicked).map((tile) => tile.assignment.id),
        time_spent_ms: Date.now() - since.current,
      });
      toast(storedWords(confirmed.annotations.length, confirmed.lost), "good");
      onDone(
        confirmed,
        tiles.map((tile) => tile.assignment),
      );
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setSending(false);
      isHeld.current = true;
      if (error.isTemporary) {
        toast("No connection. Nothing is lost: confirm once more.");
        return;
      }
      toast(wordsForRefusal(error));
      giveBack();
      onDone(null, []);
    }
  };
  const guard = useGuard({
    ids: tiles.map(({ assignment }) => assignment.id),
    onKey: () => void confirm(),
    clock,
  });

  return (
    <Dialog open={tiles.length > 0} wide title={`Is this all ${label}?`} onClose={leave}>
      <div class="alike" ref={guard.content}>
        <figure class="alike-first">
          <img src={offer.image.url} alt="" />
          <figcaption>
            You said <strong>{label}</strong>
          </figcaption>
        </figure>
        <div class="alike-rest">
          <p class="soft">
            These look nearly the same. Press the ones that are something else; they are asked about
            one by one.
          </p>
          <p class="soft small about-keys">
            What you type goes nowhere while this is open. <kbd class="kbd">Ctrl Enter</kbd>{" "}
            confirms, once you have seen them all; <kbd class="kbd">Esc</kbd> leaves.
          </p>
          <ul class="alike-grid">
            {tiles.map(({ assignment, isTicked }, place) => (
              <li key={assignment.id}>
                <button
                  type="button"
                  class="alike-tile"
                  aria-pressed={isTicked}
                  aria-label={`Picture ${place + 1}: ${label}`}
                  onClick={() => toggle(assignment.id)}
                >
                  <img
                    src={assignment.image.thumb_url}
                    alt=""
                    onLoad={(event) => guard.onShown(assignment.id, event)}
                  />
                  <span class="alike-mark" aria-hidden="true">
                    {isTicked ? "✓" : "✕"}
                  </span>
                </button>
                {!isTicked && (
                  <span class="alike-else small" aria-hidden="true">
                    Something else
                  </span>
                )}
              </li>
            ))}
          </ul>
        </div>
      </div>
      <div class="dialog-actions alike-actions">
        <button type="button" class="button" disabled={isSending} onClick={leave}>
          Not now
        </button>
        <button
          type="button"
          class="button"
          data-tone="primary"
          disabled={isSending}
          aria-keyshortcuts="Control+Enter"
          onClick={(event) => guard.isMeant(event) && void confirm()}
        >
          {wordsFor(ticked.length, tiles.length, label)} <kbd class="kbd">Ctrl Enter</kbd>
        </button>
      </div>
    </Dialog>
  );
}

/** What a grid left, for who has just confirmed it. */
export function storedWords(stored: number, lost: number): string {
  const rest = lost > 0 ? ` ${lost} went to somebody else meanwhile.` : "";
  if (stored === 0) return `Nothing stored.${rest || " You are asked about them one by one."}`;
  return `Stored for ${stored} ${stored === 1 ? "picture" : "pictures"}.${rest}`;
}

/** What the button says that confirms; "None of these" is an answer, and not what it gives. */
export function wordsFor(ticked: number, all: number, label: string): string {
  if (ticked === 0) return "Something else, all of them";
  if (ticked === 1 && all > 1) return `Only this one is ${label}`;
  if (ticked < all) return `Only these ${ticked} are ${label}`;
  return `Yes, all ${all} are ${label}`;
}
