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
  Answered,
  Assignment,
  Confirmed,
  DoneReason,
  ProgressCounts,
  Undone,
} from "../../api/types";
import { Hands } from "./hands";
import { History, pastOf, pastOfAlike } from "./history";
import { Look, MIN_LOOK_MS } from "./look";
import { OnTheirWay, unsentOf } from "./onTheirWay";
import type { Unsent } from "./outbox";
import { PAUSED_MS, Patience } from "./patience";
import { type Picture, Pictures } from "./pictures";
import type { Draft, Past, Phase, QueueOptions, QueueState } from "./queueState";
import {
  isForBlocked,
  isForPaused,
  isForThisPerson,
  isPausedCode,
  wordsForRefusal,
} from "./refusals";
import { Sender } from "./sender";

export class LabelingQueue {
  readonly #o: QueueOptions;
  readonly #pictures: Pictures;
  readonly #listeners = new Set<() => void>();
  readonly #hands = new Hands();
  readonly #out: OnTheirWay;
  readonly #sender: Sender;
  readonly #history: History;
  readonly #look: Look;
  readonly #patience: Patience;
  #progress: ProgressCounts;
  #done: DoneReason | null = null;
  #blocked: ApiError | null = null;
  #notice: string | null = null;
  #hasStarted = false;
  #isClosed = false;
  #isUndoing = false;
  #isPractising: boolean;
  #isClaiming = false;
  #state: QueueState;

  constructor(options: QueueOptions) {
    this.#o = options;
    this.#progress = options.progress;
    this.#isPractising = (options.onboarding ?? null) !== null;
    this.#out = new OnTheirWay(options.outbox);
    this.#sender = new Sender(options.transport, this.#out, {
      confirmed: (entry, answered) => this.#confirmed(entry, answered),
      recalled: (entry, answered, undone) => this.#recalled(entry, answered, undone),
      refused: (entry, error) => this.#refused(entry, error),
      settled: () => this.#changed(),
    });
    this.#history = new History(options.history ?? []);
    const { loader, clock } = options;
    this.#look = new Look(() => clock.now());
    this.#patience = new Patience(clock);
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
    for (const { body } of await this.#out.load(this.#o.owner)) {
      this.#hands.answered(body.assignment);
    }
    this.#changed();
    await this.#work();
  }

  /** Answer the current image. False (and nothing happens) where there is nothing to answer yet. */
  answer(draft: Draft): boolean {
    const { current } = this.#hands;
    if (!current || !this.#mayAnswer(current, draft.kind)) return false;
    const { uuid, owner, client, clock } = this.#o;
    const by = { key: uuid(), owner, client, savedAt: clock.now() };
    const entry = unsentOf(current, draft, this.#look.ms, by);
    this.#hands.answered(current.id);
    this.#out.add(entry);
    this.#history.add(pastOf(entry, current));
    this.#history.takenBack = null;
    this.#notice = null;
    this.#look.reset();
    this.#changed();
    void this.#store(entry).then(() => this.#work());
    return true;
  }

  /** Take an answer back, the newest or the one named: its image is current again. */
  async undo(key?: string): Promise<void> {
    const last = key === undefined ? this.#history.last : this.#history.find(key);
    if (!last || this.#isUndoing) return;
    this.#isUndoing = true;
    this.#history.takenBack = null;
    this.#changed();
    try {
      // Nothing may be waited for without need: the answer would leave meanwhile.
      const flight = this.#sender.flightOf(last.key);
      if (flight) await flight;
      if (this.#out.find(last.key)) await this.#undoUnsent(last);
      else await this.#undoSent(last);
    } finally {
      this.#isUndoing = false;
      this.#changed();
    }
  }

  /** Keep the images in hand from expiring. Trouble shows itself at the next answer. */
  async renew(): Promise<void> {
    if (this.#hands.isEmpty || this.#blocked) return;
    try {
      const { expires_at } = await this.#o.transport.renew();
      this.#hands.renew(expires_at);
      this.#changed();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (isForBlocked(error)) this.#block(error);
    }
  }

  /** The network is back, the page is shown again, or a person asks: try at once. */
  async wake(): Promise<void> {
    this.#patience.stopWaiting();
    this.#blocked = null;
    this.#hands.dropExpired(this.#o.clock.now());
    this.#pictures.retryFailed();
    await this.#work();
  }

  /** Time while the page is hidden is not time spent on an image. */
  setVisible(isVisible: boolean): void {
    this.#look.setVisible(isVisible);
    this.#beginLook();
  }

  retryPicture(): void {
    const { current } = this.#hands;
    if (current) this.#pictures.retry(current.image);
  }

  /** The word on an answer of the first round was read: on to the next image. */
  goOn(): void {
    this.#history.readFeedback();
    this.#changed();
  }

  /** The grid of lookalikes was answered, or put aside: its answers can be taken back too. */
  closeAlike(confirmed: Confirmed | null, held: readonly Assignment[]): void {
    this.#history.alike = null;
    if (confirmed) {
      this.#progress = confirmed.progress;
      this.#history.add(...pastOfAlike(confirmed, held));
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
    if (!this.#hands.isEmpty && this.#out.isEmpty) this.#o.transport.release();
  }

  /** The page came back from the browser's cache after `leave`: what was in hand is not any more. */
  async returned(): Promise<void> {
    this.#hands.empty();
    this.#changed();
    await this.wake();
  }

  close(): void {
    this.#isClosed = true;
    this.#sender.close();
    this.#patience.stopWaiting();
    this.#pictures.keep([]);
    this.#listeners.clear();
  }

  // --- answering --------------------------------------------------------------------------

  #mayAnswer(current: Assignment, kind: Draft["kind"]): boolean {
    if (this.#isUndoing || this.#blocked || this.#isHeldUp()) return false;
    const { status } = this.#pictures.of(current.image);
    if (status === "failed") return kind === "SKIP" || kind === "FLAG";
    return status === "ready" && this.#look.ms >= MIN_LOOK_MS;
  }

  async #store(entry: Unsent): Promise<void> {
    if (await this.#out.store(entry)) return;
    this.#notice =
      "This browser could not keep a copy of your answer. It is being sent; please leave the page open.";
  }

  // --- sending ----------------------------------------------------------------------------

  /** Send everything, then take more images if hands are short. One at a time, whoever asks. */
  async #work(): Promise<void> {
    if (this.#isClosed || this.#patience.isWaiting || this.#blocked) return;
    await this.#sender.sendAll();
    // An answer given just as the last one left starts another round; trouble has ended this one.
    if (!this.#out.isEmpty) await this.#work();
    else await this.#fill();
  }

  /** Taken back at the server too: its image goes on under the assignment that came of it. */
  async #recalled(
    entry: Unsent,
    answered: Answered,
    { assignment, progress }: Undone,
  ): Promise<void> {
    this.#take(answered);
    this.#patience.reset();
    this.#out.settle(entry.key);
    this.#progress = progress;
    if (!assignment) return;
    const again = this.#out.findBy(entry.body.assignment);
    if (!again) {
      this.#hands.putBack(assignment);
      return;
    }
    // Answered anew meanwhile.
    again.body = { ...again.body, assignment: assignment.id };
    this.#hands.answered(assignment.id);
    this.#history.fill(again.key, { assignment });
    await this.#store(again);
  }

  #confirmed(entry: Unsent, answered: Answered): void {
    this.#patience.reset();
    this.#out.settle(entry.key);
    const practice = answered.after?.practice ?? null;
    this.#history.fill(entry.key, {
      annotation: answered.annotation.id,
      sentence: answered.after?.sentence ?? null,
      practice,
    });
    this.#isPractising = practice !== null && !practice.is_last;
    this.#history.practised(entry.key, practice);
    if (answered.after?.alike) this.#history.alike ??= this.#history.find(entry.key);
    this.#take(answered);
  }

  /** True if the entry is settled (the server will never take it); false to try again later. */
  #refused(entry: Unsent, error: ApiError): boolean {
    if (isForPaused(error)) {
      this.#done = { code: error.code, message: error.message };
      if (isForThisPerson(error.code)) this.#hands.empty();
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
    this.#out.settle(entry.key);
    this.#history.forget(entry.key);
    // What was taken back and never taken by the server is as it should be.
    if (entry.takenBack === undefined) this.#notice = wordsForRefusal(error);
    return true;
  }

  #retryLater(ms?: number): void {
    this.#patience.wait(() => void this.#work(), ms);
    this.#changed();
  }

  #block(error: ApiError): void {
    this.#blocked = error;
    this.#changed();
  }

  // --- taking images ----------------------------------------------------------------------

  async #fill(): Promise<void> {
    if (this.#isClaiming || this.#isClosed || this.#blocked) return;
    if (this.#hands.size >= this.#o.window || (this.#done && !this.#hands.isEmpty)) return;
    this.#isClaiming = true;
    try {
      this.#take(await this.#o.transport.claim(this.#o.window));
      this.#patience.reset();
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
    this.#hands.take(given.assignments);
    this.#done = given.done;
    // The server has given to others what somebody held who is paused.
    if (given.done && isForThisPerson(given.done.code)) this.#hands.empty();
    this.#progress = given.progress;
    this.#changed();
  }

  // --- undo -------------------------------------------------------------------------------

  /**
   * An answer that may have arrived cannot just be forgotten: the server would keep it, and refuse
   * the one that comes in its place. It is made certain and taken back once there is a connection.
   */
  async #undoUnsent(last: Past): Promise<void> {
    const entry = this.#out.find(last.key);
    if (entry?.isUncertain) {
      entry.takenBack = this.#o.uuid();
      await this.#store(entry);
    } else {
      await this.#out.drop(last.key);
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
      if (!error.isTemporary) this.#history.forget(last.key);
    }
  }

  #bringBack(last: Past, assignment: Assignment | null): void {
    this.#history.forget(last.key);
    this.#history.takenBack = last;
    this.#notice = null;
    if (!assignment) return;
    this.#hands.putBack(assignment);
    this.#look.reset();
  }

  // --- looking ----------------------------------------------------------------------------

  #beginLook(): void {
    if (!this.#isHeldUp() && this.#pictureOfCurrent()?.status === "ready") this.#look.begin();
  }

  /** The first round stops at each answer until there is a word on it, and it has been read. */
  #isHeldUp(): boolean {
    return this.#history.feedback !== null || this.#isChecking();
  }

  #isChecking(): boolean {
    const isStuck = this.#patience.isWaiting || this.#blocked !== null;
    return this.#isPractising && !this.#out.isEmpty && !isStuck;
  }

  #pictureOfCurrent(): Picture | null {
    const { current } = this.#hands;
    return current ? this.#pictures.of(current.image) : null;
  }

  // --- telling ----------------------------------------------------------------------------

  #phase(): Phase {
    if (this.#blocked) return "blocked";
    if (!this.#hands.isEmpty) return "labeling";
    if (this.#done && (this.#out.isEmpty || isPausedCode(this.#done.code))) return "done";
    return this.#hasStarted ? "waiting" : "starting";
  }

  #snapshot(): QueueState {
    const { last } = this.#history;
    const before = last?.assignment ? this.#pictures.of(last.image) : null;
    return {
      phase: this.#phase(),
      current: this.#hands.current,
      picture: this.#pictureOfCurrent(),
      upcoming: this.#hands.upcoming,
      done: this.#done,
      blocked: this.#blocked,
      isRetrying: this.#patience.isWaiting,
      unsent: this.#out.count,
      progress: this.#out.countedIn(this.#progress),
      previous: last,
      previousSrc: before?.status === "ready" ? before.src : null,
      canUndo: last !== null && !this.#isUndoing,
      isUndoing: this.#isUndoing,
      recent: this.#history.newestFirst,
      isChecking: this.#isChecking(),
      feedback: this.#history.feedback,
      takenBack: this.#history.takenBack,
      alike: this.#history.alike,
      notice: this.#notice,
    };
  }

  #changed(): void {
    if (this.#isClosed) return;
    // The image just answered stays too: it illustrates the line about it, and undo needs it.
    const { last } = this.#history;
    const before = last?.assignment ? [last.image] : [];
    this.#pictures.keep([...this.#hands.all.map((assignment) => assignment.image), ...before]);
    this.#beginLook();
    this.#state = this.#snapshot();
    for (const listener of this.#listeners) listener();
  }
}
