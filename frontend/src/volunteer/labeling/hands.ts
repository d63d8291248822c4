import type { Assignment } from "../../api/types";

/** The images in one person's hands, the current one first. None comes twice. */
export class Hands {
  #held: readonly Assignment[] = [];
  #answered = new Set<string>();

  get current(): Assignment | null {
    return this.#held[0] ?? null;
  }

  get upcoming(): readonly Assignment[] {
    return this.#held.slice(1);
  }

  get all(): readonly Assignment[] {
    return this.#held;
  }

  get size(): number {
    return this.#held.length;
  }

  get isEmpty(): boolean {
    return this.#held.length === 0;
  }

  /** Take what the server hands out, but nothing that was answered: its answer is on its way. */
  take(assignments: readonly Assignment[]): void {
    const held = new Set(this.#held.map((assignment) => assignment.id));
    const fresh = assignments.filter(({ id }) => !held.has(id) && !this.#answered.has(id));
    this.#held = [...this.#held, ...fresh];
  }

  /** Answered: it is in hand no more, and is not taken again. */
  answered(id: string): void {
    this.#answered.add(id);
    this.#held = this.#held.filter((held) => held.id !== id);
  }

  /** Its answer was taken back: it is current again. */
  putBack(assignment: Assignment): void {
    this.#answered.delete(assignment.id);
    const others = this.#held.filter((held) => held.image.id !== assignment.image.id);
    this.#held = [assignment, ...others];
  }

  renew(expires_at: string): void {
    this.#held = this.#held.map((held) => ({ ...held, expires_at }));
  }

  dropExpired(now: number): void {
    this.#held = this.#held.filter((held) => Date.parse(held.expires_at) > now);
  }

  empty(): void {
    this.#held = [];
  }
}
