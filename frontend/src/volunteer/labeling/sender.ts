import { ApiError } from "../../api/errors";
import type { Answered, Undone } from "../../api/types";
import type { OnTheirWay } from "./onTheirWay";
import type { Unsent } from "./outbox";
import type { Transport } from "./queueState";

/** What becomes of answers that were sent. */
export interface Outcomes {
  confirmed(entry: Unsent, answered: Answered): void;
  /** It arrived, and was taken back at the server too. */
  recalled(entry: Unsent, answered: Answered, undone: Undone): Promise<void>;
  /** True if the entry is settled (the server will never take it); false to try again later. */
  refused(entry: Unsent, error: ApiError): boolean;
  settled(): void;
}

/** Sends the answers on their way, oldest first, one at a time, whoever asks. */
export class Sender {
  readonly #transport: Transport;
  readonly #out: OnTheirWay;
  readonly #outcomes: Outcomes;
  #sending: Promise<void> | null = null;
  #inFlight: string | null = null;
  #isClosed = false;

  constructor(transport: Transport, out: OnTheirWay, outcomes: Outcomes) {
    this.#transport = transport;
    this.#out = out;
    this.#outcomes = outcomes;
  }

  /** Send everything, until nothing is left or trouble ends it. */
  async sendAll(): Promise<void> {
    this.#sending ??= this.#drain().finally(() => {
      this.#sending = null;
    });
    await this.#sending;
  }

  /** What to wait for where an answer is in flight just now; null where it is not. */
  flightOf(key: string): Promise<void> | null {
    return this.#inFlight === key ? this.#sending : null;
  }

  close(): void {
    this.#isClosed = true;
  }

  async #drain(): Promise<void> {
    for (let entry = this.#out.first; entry && !this.#isClosed; entry = this.#out.first) {
      this.#inFlight = entry.key;
      try {
        await this.#send(entry);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (!this.#outcomes.refused(entry, error)) return;
      } finally {
        this.#inFlight = null;
      }
      await this.#out.unstore(entry.key);
      this.#outcomes.settled();
    }
  }

  async #send(entry: Unsent): Promise<void> {
    const answered = await this.#transport.answer(entry.body);
    if (entry.takenBack === undefined) {
      this.#outcomes.confirmed(entry, answered);
      return;
    }
    const undone = await this.#transport.undo(answered.annotation.id, entry.takenBack);
    await this.#outcomes.recalled(entry, answered, undone);
  }
}
