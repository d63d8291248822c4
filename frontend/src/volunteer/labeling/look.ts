/** No one sees and judges an image faster: a second press within this time is the same press. */
export const MIN_LOOK_MS = 250;

/** How long the current image has been looked at; time while the page is hidden is not. */
export class Look {
  readonly #now: () => number;
  #before = 0;
  #since: number | null = null;
  #isVisible = true;

  constructor(now: () => number) {
    this.#now = now;
  }

  get ms(): number {
    return this.#before + (this.#since === null ? 0 : this.#now() - this.#since);
  }

  /** The picture is there and nothing stands before it. */
  begin(): void {
    if (this.#isVisible) this.#since ??= this.#now();
  }

  /** Another image. */
  reset(): void {
    this.#before = 0;
    this.#since = null;
  }

  setVisible(isVisible: boolean): void {
    this.#isVisible = isVisible;
    if (isVisible) return;
    this.#before = this.ms;
    this.#since = null;
  }
}
