import type { Assignment, Confirmed, Practice } from "../../api/types";
import type { Unsent } from "./outbox";
import type { Past } from "./queueState";

/** So many answers can be taken back. */
export const HISTORY = 20;

/** The answers that can be taken back, and those of them with a word that waits to be read. */
export class History {
  /** An answer whose lookalikes may be confirmed at once. */
  alike: Past | null = null;
  /** What was taken back last, until the next answer. */
  takenBack: Past | null = null;
  #all: readonly Past[];
  /** Words on answers of the first round that nobody has read yet, oldest first. */
  #feedback: readonly Past[] = [];

  constructor(past: readonly Past[]) {
    this.#all = past.slice(-HISTORY);
  }

  get last(): Past | null {
    return this.#all.at(-1) ?? null;
  }

  get newestFirst(): readonly Past[] {
    return [...this.#all].reverse();
  }

  get feedback(): Past | null {
    return this.#feedback[0] ?? null;
  }

  find(key: string): Past | null {
    return this.#all.find((past) => past.key === key) ?? null;
  }

  add(...past: Past[]): void {
    this.#all = [...this.#all, ...past].slice(-HISTORY);
  }

  /** Tell more of one of them. */
  fill(key: string, more: Partial<Past>): void {
    this.#all = this.#all.map((past) => (past.key === key ? { ...past, ...more } : past));
  }

  /** Right answers get a line; a wrong one, and the last of the round, are worth a stop. */
  practised(key: string, practice: Practice | null): void {
    if (!practice || (practice.is_right && !practice.is_last)) return;
    const past = this.find(key);
    if (past) this.#feedback = [...this.#feedback, past];
  }

  readFeedback(): void {
    this.#feedback = this.#feedback.slice(1);
  }

  forget(key: string): void {
    this.#feedback = this.#feedback.filter((past) => past.key !== key);
    if (this.alike?.key === key) this.alike = null;
    this.#all = this.#all.filter((past) => past.key !== key);
  }
}

/** An answer just given. */
export function pastOf(entry: Unsent, assignment: Assignment): Past {
  const { kind, labels } = entry.body;
  return {
    key: entry.key,
    image: entry.image,
    kind,
    labels,
    annotation: null,
    assignment,
    sentence: null,
    practice: null,
  };
}

/** The answers of a grid of lookalikes. */
export function pastOfAlike(confirmed: Confirmed, held: readonly Assignment[]): Past[] {
  return confirmed.annotations.map(({ id, image, kind, labels }) => {
    const assignment = held.find((one) => one.image.id === image.id) ?? null;
    const nothing = { sentence: null, practice: null };
    return { key: id, image, kind, labels, annotation: id, assignment, ...nothing };
  });
}
