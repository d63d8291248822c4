import type { Clock } from "./queueState";

const BACKOFF_MS = [1000, 2000, 4000, 8000, 15_000, 30_000] as const;
const LONGEST_MS = 30_000;
/** Where the server has said that it takes nothing for now. */
export const PAUSED_MS = 30_000;

/** Trying again by itself, ever less often until something works. */
export class Patience {
  readonly #clock: Clock;
  #failures = 0;
  #cancel: (() => void) | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isWaiting(): boolean {
    return this.#cancel !== null;
  }

  /** Call back after `ms`, or as long as it takes after so many failures in a row. */
  wait(then: () => void, ms?: number): void {
    const step = Math.min(this.#failures, BACKOFF_MS.length - 1);
    this.#failures += 1;
    this.#cancel?.();
    this.#cancel = this.#clock.after(ms ?? BACKOFF_MS[step] ?? LONGEST_MS, () => {
      this.#cancel = null;
      then();
    });
  }

  stopWaiting(): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  /** Something worked. */
  reset(): void {
    this.#failures = 0;
  }
}
