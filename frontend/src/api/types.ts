/** Shapes of the HTTP API that the volunteer app reads and writes (docs/api.md). */

/** YES, NO and UNSURE answer a question about one label. */
export type AnnotationKind =
  | "LABEL"
  | "SKIP"
  | "CANT_TELL"
  | "NONE_OF_THESE"
  | "FLAG"
  | "YES"
  | "NO"
  | "UNSURE";
export type Role = "VOLUNTEER" | "EXPERT" | "MANAGER" | "OWNER";

export interface Label {
  code: string;
  name: string;
  description: string;
  key: string;
  colour: string;
  /** Its own from before, and of labels that were merged into it, or split into it and others. */
  former_names: string[];
  example_url: string | null;
}

export interface Special {
  kind: AnnotationKind;
  name: string;
  meaning: string;
  key: string;
}

export interface FlagChoice {
  reason: string;
  name: string;
}

export interface ProgressCounts {
  labeled: number;
  total: number;
  mine: number;
  /** A skip is no answer: not among `mine`. */
  skipped?: number;
}

export interface ImageRef {
  id: string;
  url: string;
  thumb_url: string;
  width: number;
  height: number;
}

export interface LabelRef {
  code: string;
  name: string;
}

export interface Assignment {
  id: string;
  image: ImageRef;
  expires_at: string;
  /** The classifier's guess, where the project shows guesses and this answer may see it. */
  suggestion?: { label: string } | null;
  /** Code of the one label that is asked about; null asks for the whole picture. */
  asks?: string | null;
}

export interface DoneReason {
  code: string;
  message: string;
}

export interface LabelingProject {
  slug: string;
  name: string;
  description: string;
  mode: "SINGLE" | "MULTI";
  client_window: number;
  assignment_ttl_s: number;
  paused: boolean;
  /** Images in a newcomer's first round; 0 is off. */
  onboarding_images: number;
  suggestions: boolean;
  /** The project shows who answered how much. */
  leaderboard: boolean;
}

/** Where a newcomer is in the first round. */
export interface Round {
  done: number;
  of: number;
}

/** What a newcomer is told after an answer of the first round. */
export interface Practice extends Round {
  is_right: boolean;
  said: LabelRef | null;
  label: LabelRef;
  note: string;
  example_url: string | null;
  is_last: boolean;
}

/** Labels that may be named together where nobody can tell which. */
export interface LabelGroup {
  code: string;
  name: string;
  /** Codes of its labels. */
  labels: string[];
}

export interface LabelingPage {
  project: LabelingProject;
  guide: string;
  scheme_version: number;
  labels: Label[];
  groups: LabelGroup[];
  specials: Special[];
  flags: FlagChoice[];
  annotator: { id: string | number; display_name: string; answers: number };
  progress: ProgressCounts;
  onboarding: Round | null;
}

export interface Claimed {
  assignments: Assignment[];
  done: DoneReason | null;
  progress: ProgressCounts;
}

export interface AnswerBody {
  assignment: string;
  key: string;
  kind: AnnotationKind;
  labels: string[];
  flag_reason?: string;
  time_spent_ms: number;
  client: string;
  shown: Record<string, unknown>;
}

export interface Answered {
  annotation: { id: string; kind: AnnotationKind; labels: string[]; created_at: string };
  after: { sentence: string; practice?: Practice | null; alike?: boolean } | null;
  assignments: Assignment[];
  done: DoneReason | null;
  progress: ProgressCounts;
}

/** A grid of images nearly the same, stored; `lost` ones went to somebody else meanwhile. */
export interface Confirmed {
  annotations: { id: string; kind: AnnotationKind; labels: string[]; image: ImageRef }[];
  lost: number;
  progress: ProgressCounts;
}

export interface Undone {
  annotation: { id: string };
  /** Null where the image had not been handed out (an answer from the try page). */
  assignment: Assignment | null;
  progress: ProgressCounts;
}

export interface Session {
  user: null | { id: number; username: string; display_name: string; is_superuser: boolean };
  annotators: {
    project: string;
    project_name: string;
    id: string | number;
    display_name: string;
  }[];
  projects: { slug: string; name: string; role: Role }[];
}

export interface InvitationView {
  project: {
    slug: string;
    name: string;
    description: string;
    guide: string;
    consent: string;
    licence: string;
  };
  role: Role;
  valid: boolean;
  reason?: string;
}

export interface Joined {
  annotator: { id: string | number; display_name: string };
  resume_url: string;
  project: string;
}

export interface ServingVersion {
  id: string;
  number: number;
  evidence: "PROVISIONAL" | "PROVEN";
}

export interface LabelList {
  project: string;
  name: string;
  mode: "SINGLE" | "MULTI";
  labels: { code: string; name: string }[];
  champion: ServingVersion | null;
  may_queue: boolean;
}

export interface RankedLabel {
  label: string;
  name: string;
  probability: number;
  /** Where a picture may show several things. */
  accepted?: boolean;
}

export interface PictureAnswer {
  name: string;
  id: string;
  top: RankedLabel[];
  /** All it is sure of, where a picture may show several things. */
  labels?: string[];
  accepted: boolean;
  model_version: ServingVersion;
  queued: boolean;
  queue_note: { code: string; message: string } | null;
}

export interface PictureRefusal {
  name: string;
  error: { code: string; message: string };
}

export interface PredictReply {
  results: (PictureAnswer | PictureRefusal)[];
}

export interface Feedback {
  right: boolean;
  label: string | null;
  answer: "recorded" | "waiting" | "not_stored";
}

export interface Said {
  label: string | null;
  kind: AnnotationKind;
  count: number;
}

/** What waits for an expert: images alone, nothing about why they wait. */
export interface ExpertBatch {
  left: number;
  items: { image: ImageRef }[];
  settled_by_you: number;
  gold_by_you?: number;
}

/** Images that may become gold, in random order. */
export interface GoldCandidates {
  left: number;
  items: { image: ImageRef }[];
}

export interface GoldSet {
  n: number;
  results: { image: string; status: string; code: string | null; message: string | null }[];
}

/** What people had said comes only with the decision. */
export interface Decided {
  annotation: { id: string; kind: AnnotationKind; labels: string[] };
  answers: Said[];
  left: number;
  gold?: { may_be_gold: boolean; why_not: string | null; is_gold: boolean };
}

/** A share with its 95 % interval; a null estimate is unknown, never 0. */
export interface Share {
  estimate: number | null;
  low: number;
  high: number;
  n: number;
}

export interface Impact {
  answers: number;
  images: number;
  resolved: number;
  agreed: number;
  since: string;
  days: number;
  sentences: string[];
  accuracy: null | {
    then: Share & { at: string; version: number };
    now: Share & { at: string; version: number };
    is_better: boolean;
  };
}

export interface Leaderboard {
  results: { display_name: string; answers: number; is_you: boolean }[];
}
