/** A small server and clock for the tests of the queue: same rules as the API, no network. */
import { ApiError, networkError } from "../../api/errors";
import type {
  AnswerBody,
  Answered,
  Assignment,
  Claimed,
  ImageRef,
  Practice,
  Round,
  Undone,
} from "../../api/types";
import { MIN_LOOK_MS } from "./look";
import { MemoryOutbox, type Outbox } from "./outbox";
import type { PictureLoader } from "./pictures";
import { LabelingQueue } from "./queue";
import type { Clock, Transport } from "./queueState";

export class FakeClock implements Clock {
  #now = Date.parse("2026-01-01T00:00:00Z");
  #timers: { at: number; then: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  after(ms: number, then: () => void): () => void {
    const timer = { at: this.#now + ms, then };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  async pass(ms: number): Promise<void> {
    this.#now += ms;
    const due = this.#timers.filter((timer) => timer.at <= this.#now);
    this.#timers = this.#timers.filter((timer) => timer.at > this.#now);
    for (const timer of due) timer.then();
    await settle();
  }
}

/** Let every promise that can run, run. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 40; turn += 1) await Promise.resolve();
}

export class FakeServer implements Transport {
  isOnline = true;
  refusal: ApiError | null = null;
  /** Words on the first answers, as in a newcomer's first round. */
  practice: Practice[] = [];
  /** Whoever answers or claims is paused from now on. */
  isPersonPaused = false;
  /** The answer arrives, the reply is lost. */
  losesReplies = 0;
  posts: AnswerBody[] = [];
  counted = new Map<string, AnswerBody>();
  withdrawn: string[] = [];
  claims = 0;
  renewals = 0;
  undos = 0;
  releases = 0;
  readonly #clock: FakeClock;
  readonly #images: number;
  #next = 0;
  #open: Assignment[] = [];

  constructor(clock: FakeClock, images: number) {
    this.#clock = clock;
    this.#images = images;
  }

  async claim(count: number): Promise<Claimed> {
    this.claims += 1;
    this.#reach();
    if (this.isPersonPaused) this.#open = [];
    else
      while (this.#open.length < count && this.#next < this.#images) this.#open.push(this.#make());
    return { assignments: [...this.#open], done: this.#doneReason(), progress: this.#progress() };
  }

  async answer(body: AnswerBody): Promise<Answered> {
    this.posts.push(body);
    this.#reach();
    if (!this.counted.has(body.key)) {
      const isTaken = [...this.counted.values()].some((one) => one.assignment === body.assignment);
      if (isTaken) throw new ApiError("already_answered", "You have answered it.", 409);
      this.counted.set(body.key, body);
      this.#open = this.#open.filter((assignment) => assignment.id !== body.assignment);
    }
    if (this.losesReplies > 0) {
      this.losesReplies -= 1;
      throw networkError();
    }
    const claimed = await this.claim(3);
    const annotation = { id: `answer ${body.key}`, kind: body.kind, labels: body.labels };
    return {
      ...claimed,
      annotation: { ...annotation, created_at: "2026-01-01T00:00:00Z" },
      after: {
        sentence: `Thanks for ${body.assignment}.`,
        practice: this.practice.shift() ?? null,
      },
    };
  }

  async undo(annotation: string): Promise<Undone> {
    this.#reach();
    this.undos += 1;
    this.withdrawn.push(annotation);
    const body = this.counted.get(annotation.replace("answer ", ""));
    if (!body) throw new ApiError("not_found", "no such answer", 404);
    this.counted.delete(body.key);
    const assignment = { ...this.#make(body.assignment), id: `${body.assignment} again` };
    this.#open.unshift(assignment);
    return { annotation: { id: annotation }, assignment, progress: this.#progress() };
  }

  async renew(): Promise<{ expires_at: string }> {
    this.renewals += 1;
    this.#reach();
    return { expires_at: this.#expiry() };
  }

  release(): void {
    this.releases += 1;
    this.#open = [];
  }

  #reach(): void {
    if (!this.isOnline) throw networkError();
    if (this.refusal) throw this.refusal;
  }

  #expiry(): string {
    return new Date(this.#clock.now() + 300_000).toISOString();
  }

  #make(name?: string): Assignment {
    const id = name ?? `image ${++this.#next}`;
    const image: ImageRef = { id, url: `/${id}`, thumb_url: `/t/${id}`, width: 4, height: 3 };
    return { id, image, expires_at: this.#expiry() };
  }

  #doneReason() {
    if (this.isPersonPaused) return { code: "annotator_paused", message: "Paused for now." };
    const isOver = this.#next >= this.#images && this.#open.length === 0;
    return isOver ? { code: "all_done", message: "All images have their answers." } : null;
  }

  #progress() {
    return { labeled: this.counted.size, total: this.#images, mine: this.counted.size };
  }
}

export class FakeLoader implements PictureLoader {
  loaded: string[] = [];
  revoked: string[] = [];
  broken = new Set<string>();

  async load(url: string): Promise<string> {
    if (this.broken.has(url)) throw new Error("404");
    this.loaded.push(url);
    return `blob:${url}`;
  }

  revoke(src: string): void {
    this.revoked.push(src);
  }
}

export async function desk({
  images = 10,
  outbox = new MemoryOutbox() as Outbox,
  clock = new FakeClock(),
  server = new FakeServer(clock, images),
  onboarding = null as Round | null,
} = {}) {
  const loader = new FakeLoader();
  let lastKey = 0;
  const queue = new LabelingQueue({
    transport: server,
    outbox,
    loader,
    clock,
    uuid: () => `key ${server.posts.length}-${++lastKey}`,
    owner: "pantry/1",
    client: "tab",
    window: 3,
    progress: { labeled: 0, total: images, mine: 0 },
    onboarding,
  });
  await queue.start();
  await settle();
  /** Look long enough, then answer. */
  const label = async (code: string) => {
    await clock.pass(MIN_LOOK_MS);
    const isTaken = queue.answer({ kind: "LABEL", labels: [code] });
    await settle();
    return isTaken;
  };
  const current = () => queue.state.current?.image.id ?? null;
  return { queue, server, loader, clock, outbox, label, current };
}
