/** What the queue needs from outside, and what it tells the page. */
import type { ApiError } from "../../api/errors";
import type {
  AnnotationKind,
  AnswerBody,
  Answered,
  Assignment,
  Claimed,
  DoneReason,
  ImageRef,
  Practice,
  ProgressCounts,
  Round,
  Undone,
} from "../../api/types";
import type { Outbox } from "./outbox";
import type { Picture, PictureLoader } from "./pictures";

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
