import type { AnswerBody, Assignment, ProgressCounts } from "../../api/types";
import type { Outbox, Unsent } from "./outbox";
import type { Draft } from "./queueState";

/** The API takes no longer look than this. */
const DAY_MS = 24 * 3600 * 1000;

type By = Pick<Unsent, "key" | "owner" | "savedAt"> & Pick<AnswerBody, "client">;

/** An answer as it is kept and sent; the same bytes every time. */
export function unsentOf(current: Assignment, draft: Draft, lookedMs: number, by: By): Unsent {
  const { client, ...entry } = by;
  const body: AnswerBody = {
    assignment: current.id,
    key: entry.key,
    kind: draft.kind,
    labels: [...(draft.labels ?? [])],
    time_spent_ms: Math.min(Math.round(lookedMs), DAY_MS),
    client,
    shown: draft.shown ?? {},
  };
  if (draft.flagReason !== undefined) body.flag_reason = draft.flagReason;
  return { ...entry, image: current.image, body };
}

/** The answers that the server has not confirmed, oldest first; each is kept in the outbox too. */
export class OnTheirWay {
  readonly #outbox: Outbox;
  #entries: Unsent[] = [];

  constructor(outbox: Outbox) {
    this.#outbox = outbox;
  }

  get first(): Unsent | null {
    return this.#entries[0] ?? null;
  }

  get isEmpty(): boolean {
    return this.#entries.length === 0;
  }

  /** How many there are that were not taken back. */
  get count(): number {
    return this.#wanted.length;
  }

  /** What an earlier visit left behind. */
  async load(owner: string): Promise<readonly Unsent[]> {
    this.#entries = await this.#outbox.all(owner);
    return this.#entries;
  }

  find(key: string): Unsent | null {
    return this.#entries.find((entry) => entry.key === key) ?? null;
  }

  findBy(assignment: string): Unsent | null {
    return this.#entries.find((entry) => entry.body.assignment === assignment) ?? null;
  }

  add(entry: Unsent): void {
    this.#entries.push(entry);
  }

  /** Confirmed, refused or taken back: nothing of it is sent any more. */
  settle(key: string): void {
    this.#entries = this.#entries.filter((entry) => entry.key !== key);
  }

  /** False where this browser cannot keep it. */
  async store(entry: Unsent): Promise<boolean> {
    try {
      await this.#outbox.put(entry);
      return true;
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      return false;
    }
  }

  /** Never sent, and from this moment on it never will be. */
  async drop(key: string): Promise<void> {
    this.settle(key);
    await this.unstore(key);
  }

  async unstore(key: string): Promise<void> {
    await this.#outbox.remove(key);
  }

  /** What is on its way counts for the one who gave it; a skip is no answer. */
  countedIn(progress: ProgressCounts): ProgressCounts {
    const skips = this.#wanted.filter((entry) => entry.body.kind === "SKIP").length;
    const { mine, skipped = 0 } = progress;
    return { ...progress, mine: mine + this.count - skips, skipped: skipped + skips };
  }

  get #wanted(): Unsent[] {
    return this.#entries.filter((entry) => entry.takenBack === undefined);
  }
}
