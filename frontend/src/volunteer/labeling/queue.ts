/**
 * The images in one volunteer's hands and the answers on their way. Framework-free.
 *
 *   server ──claim──▶ [ current | upcoming … ] ──answer──▶ outbox ──send, in order──▶ server
 *                          ▲                                  │                         │
 *                          └───────────── undo ◀──────────────┴──── refill, sentence ◀──┘
 *
 * `answer` is synchronous: the next image is current when it returns. The answer itself is stored
 * first, then sent with its idempotency key until the server has confirmed or refused it.
 */
import { ApiError } from "../../api/errors";
import type {
  AnnotationKind,
  AnswerBody,
  Answered,
  Assignment,
  Claimed,
  Confirmed,
  DoneReason,
  ImageRef,
  Practice,
  ProgressCounts,
  Round,
  Undone,
} from "../../api/types";
import type { Outbox, Unsent } from "./outbox";
import { type Picture, type PictureLoader, Pictures } from "./pictures";
import {
  isForBlocked,
  isForPaused,
  isForThisPerson,
  isPausedCode,
  wordsForRefusal,
} from "./refusals";

export interface Transport {
  claim(count: number): Promise<Claimed>;
  answer(body: AnswerBody): Promise<Answered>;
  undo(annotation: string, key: string): Promise<Undone>;
  renew(): Promise<{ expires_at: string }>;
  release(): void;
}

export interface Clock {
  now(): number;
  /** Call back later; the returned function cancels. */
  after(ms: number, then: () => void): () => void;
}

export interface Draft {
  kind: AnnotationKind;
  labels?: readonly string[];
  flagReason?: string;
  /** What the page showed, kept with the answer. */
  shown?: Record<string, unknown>;
}

/** An answer that can still be taken back. */
export interface Past {
  key: string;
  image: ImageRef;
  kind: AnnotationKind;
  labels: readonly string[];
  /** Null while the server has not confirmed it. */
  annotation: string | null;
  assignment: Assignment | null;
  sentence: string | null;
  /** In the first round: whether it was right, and what it is. */
  practice: Practice | null;
}

export type Phase = "starting" | "labeling" | "waiting" | "done" | "blocked";

export interface QueueState {
  phase: Phase;
  current: Assignment | null;
  picture: Picture | null;
  upcoming: readonly Assignment[];
  done: DoneReason | null;
  /** Why nothing goes on until the person does something (not joined, signed out). */
  blocked: ApiError | null;
  isRetrying: boolean;
  unsent: number;
  progress: ProgressCounts;
  previous: Past | null;
  /** The picture of `previous`, where it was answered in this visit. */
  previousSrc: string | null;
  canUndo: boolean;
  isUndoing: boolean;
  /** What can still be taken back, newest first. */
  recent: readonly Past[];
  /** An answer of the first round is being looked at; the next image waits for the word on it. */
  isChecking: boolean;
  /** An answer of the first round to talk about before going on. */
  feedback: Past | null;
  /** What was taken back last, until the next answer. */
  takenBack: Past | null;
  /** An answer whose lookalikes may be confirmed at once. */
  alike: Past | null;
  /** Something that happened behind the volunteer's back, in words. */
  notice: string | null;
}

export interface QueueOptions {
  transport: Transport;
  outbox: Outbox;
  loader: PictureLoader;
  clock: Clock;
  uuid: () => string;
  owner: string;
  client: string;
  window: number;
  progress: ProgressCounts;
  history?: readonly Past[];
  /** The first round, for a newcomer. */
  onboarding?: Round | null;
}

export const HISTORY = 20;
/** No one sees and judges an image faster: a second press within this time is the same press. */
export const MIN_LOOK_MS = 250;
const BACKOFF_MS = [1000, 2000, 4000, 8000, 15_000, 30_000] as const;
/** The API takes no longer look than this. */
const DAY_MS = 24 * 3600 * 1000;
const PAUSED_MS = 30_000;

export class LabelingQueue {
  readonly #o: QueueOptions;
  readonly #pictures: Pictures;
  readonly #listeners = new Set<() => void>();
  #held: Assignment[] = [];
  #unsent: Unsent[] = [];
  #history: Past[];
  #answered = new Set<string>();
  #progress: ProgressCounts;
  #done: DoneReason | null = null;
  #blocked: ApiError | null = null;
  #notice: string | null = null;
  #takenBack: Past | null = null;
  #alike: Past | null = null;
  #hasStarted = false;
  #isClosed = false;
  #isUndoing = false;
  #isPractising: boolean;
  /** Words on answers of the first round that nobody has read yet, oldest first. */
  #feedback: Past[] = [];
  #isClaiming = false;
  #sending: Promise<void> | null = null;
  #inFlight: string | null = null;
  #failures = 0;
  #cancelRetry: (() => void) | null = null;
  #lookedMs = 0;
  #lookingSince: number | null = null;
  #isVisible = true;
  #state: QueueState;

  constructor(options: QueueOptions) {
    this.#o = options;
    this.#progress = options.progress;
    this.#isPractising = (options.onboarding ?? null) !== null;
    this.#history = (options.history ?? []).slice(-HISTORY);
    const { loader, clock } = options;
    const later = (ms: number, then: () => void) => clock.after(ms, then);
    this.#pictures = new Pictures(loader, later, () => this.#changed());
    this.#state = this.#snapshot();
  }

  get state(): QueueState {
    return this.#state;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Send what an earlier visit left behind, then take the first images. */
  async start(): Promise<void> {
    this.#unsent = await this.#o.outbox.all(this.#o.owner);
    for (const entry of this.#unsent) this.#answered.add(entry.body.assignment);
    this.#changed();
    await this.#work();
  }

  /** Answer the current image. False (and nothing happens) where there is nothing to answer yet. */
  answer(draft: Draft): boolean {
    const current = this.#held[0];
    if (!current || !this.#mayAnswer(current, draft.kind)) return false;
    const entry = this.#entryFor(current, draft);
    this.#held.shift();
    this.#answered.add(current.id);
    this.#unsent.push(entry);
    this.#remember(entry, current);
    this.#notice = null;
    this.#takenBack = null;
    this.#resetLook();
    this.#changed();
    void this.#store(entry).then(() => this.#work());
    return true;
  }

  /** Take an answer back, the newest or the one named: its image is current again. */
  async undo(key?: string): Promise<void> {
    const last =
      key === undefined ? this.#history.at(-1) : this.#history.find((past) => past.key === key);
    if (!last || this.#isUndoing) return;
    this.#isUndoing = true;
    this.#takenBack = null;
    this.#changed();
    try {
      if (this.#inFlight === last.key) await this.#sending;
      if (this.#unsent.some((entry) => entry.key === last.key)) await this.#undoUnsent(last);
      else await this.#undoSent(last);
    } finally {
      this.#isUndoing = false;
      this.#changed();
    }
  }

  /** Keep the images in hand from expiring. Trouble shows itself at the next answer. */
  async renew(): Promise<void> {
    if (this.#held.length === 0 || this.#blocked) return;
    try {
      const { expires_at } = await this.#o.transport.renew();
      this.#held = this.#held.map((held) => ({ ...held, expires_at }));
      this.#changed();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (isForBlocked(error)) this.#block(error);
    }
  }

  /** The network is back, the page is shown again, or a person asks: try at once. */
  async wake(): Promise<void> {
    this.#cancelRetry?.();
    this.#cancelRetry = null;
    this.#blocked = null;
    this.#dropExpired();
    this.#pictures.retryFailed();
    await this.#work();
  }

  /** Time while the page is hidden is not time spent on an image. */
  setVisible(isVisible: boolean): void {
    if (isVisible === this.#isVisible) return;
    this.#isVisible = isVisible;
    const now = this.#o.clock.now();
    if (!isVisible && this.#lookingSince !== null) {
      this.#lookedMs += now - this.#lookingSince;
      this.#lookingSince = null;
    } else if (isVisible && !this.#isHeldUp() && this.#pictureOfCurrent()?.status === "ready") {
      this.#lookingSince = now;
    }
  }

  retryPicture(): void {
    const current = this.#held[0];
    if (current) this.#pictures.retry(current.image);
  }

  /** The word on an answer of the first round was read: on to the next image. */
  goOn(): void {
    this.#feedback = this.#feedback.slice(1);
    this.#changed();
  }

  /** The grid of lookalikes was answered, or put aside: its answers can be taken back too. */
  closeAlike(confirmed: Confirmed | null, held: readonly Assignment[]): void {
    this.#alike = null;
    if (confirmed) {
      this.#progress = confirmed.progress;
      const past = confirmed.annotations.map(({ id, image, kind, labels }): Past => {
        const assignment = held.find((one) => one.image.id === image.id) ?? null;
        const nothing = { sentence: null, practice: null };
        return { key: id, image, kind, labels, annotation: id, assignment, ...nothing };
      });
      this.#history = [...this.#history, ...past].slice(-HISTORY);
    }
    this.#changed();
  }

  dismissNotice(): void {
    this.#notice = null;
    this.#changed();
  }

  /**
   * The page goes away: hand the images back. Not while answers are still on their way: theirs
   * would be handed to somebody else before they arrive; these expire by themselves.
   */
  leave(): void {
    if (this.#held.length > 0 && this.#unsent.length === 0) this.#o.transport.release();
  }

  /** The page came back from the browser's cache after `leave`: what was in hand is not any more. */
  async returned(): Promise<void> {
    this.#held = [];
    this.#changed();
    await this.wake();
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelRetry?.();
    this.#pictures.keep([]);
    this.#listeners.clear();
  }

  // --- answering --------------------------------------------------------------------------

  #mayAnswer(current: Assignment, kind: AnnotationKind): boolean {
    if (this.#isUndoing || this.#blocked || this.#isHeldUp()) return false;
    const { status } = this.#pictures.of(current.image);
    if (status === "failed") return kind === "SKIP" || kind === "FLAG";
    return status === "ready" && this.#looked() >= MIN_LOOK_MS;
  }

  #entryFor(current: Assignment, draft: Draft): Unsent {
    const key = this.#o.uuid();
    const body: AnswerBody = {
      assignment: current.id,
      key,
      kind: draft.kind,
      labels: [...(draft.labels ?? [])],
      time_spent_ms: Math.min(Math.round(this.#looked()), DAY_MS),
      client: this.#o.client,
      shown: draft.shown ?? {},
    };
    if (draft.flagReason !== undefined) body.flag_reason = draft.flagReason;
    const savedAt = this.#o.clock.now();
    return { key, owner: this.#o.owner, image: current.image, body, savedAt };
  }

  #remember(entry: Unsent, assignment: Assignment): void {
    const { kind, labels } = entry.body;
    const past: Past = {
      key: entry.key,
      image: entry.image,
      kind,
      labels,
      annotation: null,
      assignment,
      sentence: null,
      practice: null,
    };
    this.#history = [...this.#history, past].slice(-HISTORY);
  }

  async #store(entry: Unsent): Promise<void> {
    try {
      await this.#o.outbox.put(entry);
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      this.#notice =
        "This browser could not keep a copy of your answer. It is being sent; please leave the page open.";
    }
  }

  // --- sending ----------------------------------------------------------------------------

  /** Send everything, then take more images if hands are short. One at a time, whoever asks. */
  async #work(): Promise<void> {
    if (this.#isClosed || this.#cancelRetry || this.#blocked) return;
    this.#sending ??= this.#drain().finally(() => {
      this.#sending = null;
    });
    await this.#sending;
    // An answer given just as the last one left starts another round; trouble has ended this one.
    if (this.#unsent.length > 0) await this.#work();
    else await this.#fill();
  }

  async #drain(): Promise<void> {
    for (let entry = this.#unsent[0]; entry && !this.#isClosed; entry = this.#unsent[0]) {
      this.#inFlight = entry.key;
      try {
        await this.#send(entry);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (!this.#refused(entry, error)) return;
      } finally {
        this.#inFlight = null;
      }
      await this.#o.outbox.remove(entry.key);
      this.#changed();
    }
  }

  async #send(entry: Unsent): Promise<void> {
    const answered = await this.#o.transport.answer(entry.body);
    if (entry.takenBack === undefined) {
      this.#confirmed(entry, answered);
      return;
    }
    const undone = await this.#o.transport.undo(answered.annotation.id, entry.takenBack);
    this.#take(answered);
    await this.#recalled(entry, undone);
  }

  /** Taken back at the server too: its image goes on under the assignment that came of it. */
  async #recalled(entry: Unsent, { assignment, progress }: Undone): Promise<void> {
    this.#failures = 0;
    this.#unsent = this.#unsent.filter((other) => other.key !== entry.key);
    this.#progress = progress;
    if (!assignment) return;
    const old = entry.body.assignment;
    const again = this.#unsent.find((other) => other.body.assignment === old);
    if (!again) {
      const others = this.#held.filter((held) => held.image.id !== entry.image.id);
      this.#held = [assignment, ...others];
      return;
    }
    // Answered anew meanwhile.
    again.body = { ...again.body, assignment: assignment.id };
    this.#answered.add(assignment.id);
    this.#held = this.#held.filter((held) => held.id !== assignment.id);
    this.#history = this.#history.map((past) =>
      past.key === again.key ? { ...past, assignment } : past,
    );
    await this.#store(again);
  }

  #confirmed(entry: Unsent, answered: Answered): void {
    this.#failures = 0;
    this.#unsent = this.#unsent.filter((other) => other.key !== entry.key);
    const practice = answered.after?.practice ?? null;
    const word = {
      annotation: answered.annotation.id,
      sentence: answered.after?.sentence ?? null,
      practice,
    };
    this.#history = this.#history.map((past) =>
      past.key === entry.key ? { ...past, ...word } : past,
    );
    this.#practised(entry.key, practice);
    if (answered.after?.alike && this.#alike === null) {
      this.#alike = this.#history.find((past) => past.key === entry.key) ?? null;
    }
    this.#take(answered);
  }

  /** Right answers get a line; a wrong one, and the last of the round, are worth a stop. */
  #practised(key: string, practice: Practice | null): void {
    this.#isPractising = practice !== null && !practice.is_last;
    if (!practice || (practice.is_right && !practice.is_last)) return;
    const past = this.#history.find((one) => one.key === key);
    if (past) this.#feedback = [...this.#feedback, past];
  }

  /** True if the entry is settled (the server will never take it); false to try again later. */
  #refused(entry: Unsent, error: ApiError): boolean {
    if (isForPaused(error)) {
      this.#done = { code: error.code, message: error.message };
      if (isForThisPerson(error.code)) this.#held = [];
      this.#retryLater(PAUSED_MS);
      return false;
    }
    if (isForBlocked(error)) {
      this.#block(error);
      return false;
    }
    if (error.isTemporary) {
      entry.isUncertain = true;
      this.#retryLater();
      return false;
    }
    this.#unsent = this.#unsent.filter((other) => other.key !== entry.key);
    this.#history = this.#history.filter((past) => past.key !== entry.key);
    // What was taken back and never taken by the server is as it should be.
    if (entry.takenBack === undefined) this.#notice = wordsForRefusal(error);
    return true;
  }

  #retryLater(ms?: number): void {
    const step = Math.min(this.#failures, BACKOFF_MS.length - 1);
    this.#failures += 1;
    this.#cancelRetry?.();
    this.#cancelRetry = this.#o.clock.after(ms ?? BACKOFF_MS[step] ?? PAUSED_MS, () => {
      this.#cancelRetry = null;
      void this.#work();
    });
    this.#changed();
  }

  #block(error: ApiError): void {
    this.#blocked = error;
    this.#changed();
  }

  // --- taking images ----------------------------------------------------------------------

  async #fill(): Promise<void> {
    if (this.#isClaiming || this.#isClosed || this.#blocked) return;
    if (this.#held.length >= this.#o.window || (this.#done && this.#held.length > 0)) return;
    this.#isClaiming = true;
    try {
      this.#take(await this.#o.transport.claim(this.#o.window));
      this.#failures = 0;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (isForPaused(error)) this.#done = { code: error.code, message: error.message };
      else if (error.isTemporary) this.#retryLater();
      else this.#block(error);
    } finally {
      this.#isClaiming = false;
      this.#hasStarted = true;
      this.#changed();
    }
  }

  #take(given: {
    assignments: Assignment[];
    done: DoneReason | null;
    progress: ProgressCounts;
  }): void {
    const held = new Set(this.#held.map((assignment) => assignment.id));
    for (const assignment of given.assignments) {
      if (!held.has(assignment.id) && !this.#answered.has(assignment.id)) {
        this.#held.push(assignment);
      }
    }
    this.#done = given.done;
    // The server has given to others what somebody held who is paused.
    if (given.done && isForThisPerson(given.done.code)) this.#held = [];
    this.#progress = given.progress;
    this.#changed();
  }

  #dropExpired(): void {
    const now = this.#o.clock.now();
    this.#held = this.#held.filter((assignment) => Date.parse(assignment.expires_at) > now);
    this.#changed();
  }

  // --- undo -------------------------------------------------------------------------------

  /**
   * An answer that may have arrived cannot just be forgotten: the server would keep it, and refuse
   * the one that comes in its place. It is made certain and taken back once there is a connection.
   */
  async #undoUnsent(last: Past): Promise<void> {
    const entry = this.#unsent.find((one) => one.key === last.key);
    if (entry?.isUncertain) {
      entry.takenBack = this.#o.uuid();
      await this.#store(entry);
    } else {
      await this.#o.outbox.remove(last.key);
      this.#unsent = this.#unsent.filter((one) => one.key !== last.key);
    }
    this.#bringBack(last, last.assignment);
  }

  async #undoSent(last: Past): Promise<void> {
    if (last.annotation === null) return; // Refused meanwhile; the notice has said so.
    try {
      const undone = await this.#o.transport.undo(last.annotation, this.#o.uuid());
      this.#progress = undone.progress;
      this.#bringBack(last, undone.assignment);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#notice = error.isTemporary
        ? "Undo needs a connection. Your answer is kept as it was."
        : wordsForRefusal(error);
      if (!error.isTemporary) this.#forget(last);
    }
  }

  #bringBack(last: Past, assignment: Assignment | null): void {
    this.#forget(last);
    this.#takenBack = last;
    this.#notice = null;
    if (!assignment) return;
    this.#answered.delete(assignment.id);
    this.#held = [assignment, ...this.#held.filter((held) => held.id !== assignment.id)];
    this.#resetLook();
  }

  #forget(last: Past): void {
    this.#feedback = this.#feedback.filter((past) => past.key !== last.key);
    if (this.#alike?.key === last.key) this.#alike = null;
    this.#history = this.#history.filter((past) => past.key !== last.key);
  }

  // --- looking ----------------------------------------------------------------------------

  #resetLook(): void {
    this.#lookedMs = 0;
    this.#lookingSince = null;
  }

  #looked(): number {
    const running = this.#lookingSince === null ? 0 : this.#o.clock.now() - this.#lookingSince;
    return this.#lookedMs + running;
  }

  /** The first round stops at each answer until there is a word on it, and it has been read. */
  #isHeldUp(): boolean {
    return this.#feedback.length > 0 || this.#isChecking();
  }

  #isChecking(): boolean {
    const isStuck = this.#cancelRetry !== null || this.#blocked !== null;
    return this.#isPractising && this.#unsent.length > 0 && !isStuck;
  }

  #pictureOfCurrent(): Picture | null {
    const current = this.#held[0];
    return current ? this.#pictures.of(current.image) : null;
  }

  // --- telling ----------------------------------------------------------------------------

  #phase(): Phase {
    if (this.#blocked) return "blocked";
    if (this.#held.length > 0) return "labeling";
    if (this.#done && (this.#unsent.length === 0 || isPausedCode(this.#done.code))) return "done";
    return this.#hasStarted ? "waiting" : "starting";
  }

  #snapshot(): QueueState {
    const last = this.#history.at(-1) ?? null;
    const before = last?.assignment ? this.#pictures.of(last.image) : null;
    return {
      phase: this.#phase(),
      current: this.#held[0] ?? null,
      picture: this.#pictureOfCurrent(),
      upcoming: this.#held.slice(1),
      done: this.#done,
      blocked: this.#blocked,
      isRetrying: this.#cancelRetry !== null,
      unsent: this.#unsent.filter((entry) => entry.takenBack === undefined).length,
      progress: this.#progressWithUnsent(),
      previous: last,
      previousSrc: before?.status === "ready" ? before.src : null,
      canUndo: last !== null && !this.#isUndoing,
      isUndoing: this.#isUndoing,
      recent: [...this.#history].reverse(),
      isChecking: this.#isChecking(),
      feedback: this.#feedback[0] ?? null,
      takenBack: this.#takenBack,
      alike: this.#alike,
      notice: this.#notice,
    };
  }

  /** What is on its way counts for the one who gave it; a skip is no answer. */
  #progressWithUnsent(): ProgressCounts {
    const unsent = this.#unsent.filter((entry) => entry.takenBack === undefined);
    const skips = unsent.filter((entry) => entry.body.kind === "SKIP").length;
    const { mine, skipped = 0 } = this.#progress;
    const answers = mine + unsent.length - skips;
    return { ...this.#progress, mine: answers, skipped: skipped + skips };
  }

  #changed(): void {
    if (this.#isClosed) return;
    // The image just answered stays too: it illustrates the line about it, and undo needs it.
    const last = this.#history.at(-1);
    const before = last?.assignment ? [last.image] : [];
    this.#pictures.keep([...this.#held.map((assignment) => assignment.image), ...before]);
    if (
      this.#lookingSince === null &&
      this.#isVisible &&
      !this.#isHeldUp() &&
      this.#pictureOfCurrent()?.status === "ready"
    ) {
      this.#lookingSince = this.#o.clock.now();
    }
    this.#state = this.#snapshot();
    for (const listener of this.#listeners) listener();
  }
}
