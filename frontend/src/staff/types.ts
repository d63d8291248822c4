/** What the staff endpoints answer; the names are those of docs/api.md. */

export interface Session {
  user: { id: number; username: string; display_name: string; is_superuser: boolean } | null;
  projects: { slug: string; name: string; role: string }[];
}

/** A share measured on the audit slice; a null estimate means unknown, never 0. */
export interface Estimate {
  estimate: number | null;
  low: number;
  high: number;
  n: number;
  unresolved: number;
  missing: number;
  /** Audit images without an answer that may count for it. */
  waiting?: number;
  /** Half-width of the interval once those are answered. */
  reachable?: number;
}

export interface ReliabilityBin {
  from: number;
  to: number;
  confidence: number;
  estimate: number | null;
  low: number;
  high: number;
  n: number;
}

/** Whether the classifier is as sure as it may be. */
export interface Calibration {
  ece: number | null;
  /** What a perfectly calibrated one would show on so few images. */
  by_chance: number | null;
  n: number;
  bins: ReliabilityBin[];
}

export interface Between {
  estimate: number | null;
  low: number;
  high: number;
  n: number;
}

/** Audit images that are counted both ways, by what they wait for. */
export interface OpenImages {
  answers: number;
  expert: number;
  none_fits: number;
  /** People know the group, not which label of it. */
  group?: number;
  unseen: number;
}

export interface ClassAccuracy extends Estimate {
  code: string;
  name: string;
  /** Drawn towards the other labels, with its labeled images for a hint; null with no audit image. */
  pooled: { estimate: number | null; low: number; high: number; n: number } | null;
  /** Its labeled images, near-duplicates once: right while left out, and all; null if not counted. */
  practice?: [number, number] | null;
}

export interface SourceAccuracy extends Estimate {
  source: string;
}

/** One label of pictures that may show several. */
export interface SetLabel {
  code: string;
  name: string;
  /** From which probability it is said; null where it is not said yet. */
  threshold: number | null;
  n: number;
  n_yes: number;
  average_precision: number | null;
  precision: Between | null;
  recall: Between | null;
  f1: number | null;
}

export interface SetFigures {
  images: number;
  mean_average_precision: number | null;
  micro_f1: number | null;
  macro_f1: number | null;
  labels: SetLabel[];
  together: { names: string[]; n: number }[];
}

export interface ActiveRun {
  id: string;
  kind: string;
  state: string;
  stage: string;
  progress: number;
  trigger: string;
}

/** Images that are neither in the pool nor measured, by why. */
export interface NotCountedImages {
  pending: number;
  audit_twins: number;
  excluded: number;
  flagged: number;
  removed: number;
}

export interface Overview {
  project: {
    slug: string;
    name: string;
    mode: string;
    labeling_paused: boolean;
    training_paused: boolean;
  };
  champion: null | {
    number: number;
    kind: string;
    evidence: string;
    verdict: string;
    promoted_at: string | null;
    n_labels: number;
    threshold: number;
  };
  accuracy: {
    version: number | null;
    overall: Estimate;
    macro: number | null;
    /** Where images were not drawn alike; null where they were. */
    is_weighed?: boolean;
    classes?: { macro: Between; tenth: Between };
    top?: Estimate & { k: number };
    calibration?: Calibration;
    open?: OpenImages;
    per_source: SourceAccuracy[];
    per_class: ClassAccuracy[];
    /** By groups of labels; null where there are none. */
    groups?: { overall: Estimate; per_group: ClassAccuracy[] } | null;
    /** Where a picture may show several labels; `overall` counts whole sets that are right then. */
    several?: SetFigures | null;
    rests_on_one_person: boolean;
    /** All labels of audit images came with the pictures: nobody was asked. */
    came_with_pictures?: boolean;
  };
  labels: {
    resolved: number;
    pool: number;
    /** Answered, and another answer is asked for. */
    pool_open?: number;
    audit_resolved: number;
    audit_total: number;
    /** Answers each audit image is to get, where so many people answer. */
    audit_votes?: number;
    /** Answers one is asked for now, by the people (ten at most) who answered these days. */
    audit_asked?: number;
    people_active?: number;
    people_days?: number;
    answers: number;
    /** Not among the answers. */
    skips?: number;
    images: number;
    not_counted: NotCountedImages;
  };
  queue: { by_reason: Record<string, number> };
  training: {
    active: ActiveRun[];
    paused: boolean;
    budget: { month_spent: number; month_limit: number };
  };
  embedding: { done: number; total: number };
}

export interface Version {
  id: string;
  number: number;
  kind: string;
  state: string;
  evidence: string;
  verdict: string;
  n_labels: number;
  has_weights: boolean;
  created_at: string;
  promoted_at: string | null;
  metrics: Record<string, unknown>;
  gate: Record<string, unknown>;
}

export interface Run {
  id: string;
  kind: string;
  trigger: string;
  state: string;
  stage: string;
  progress: number;
  device: string;
  seconds: number;
  cost: number;
  error: string;
  version: number | null;
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
}

export interface HistoryPoint {
  at: string;
  labels: number;
  answers: number;
  version: number;
  accuracy: number | null;
  low: number;
  high: number;
  n: number;
}

export interface Confusion {
  labels: { code: string; name: string }[];
  counts: number[][];
  n: number;
  version: number | null;
}

export interface CellImage {
  id: string;
  thumb_url: string;
  full_url: string;
  p?: number;
}

export interface StaffLabel {
  code: string;
  name: string;
  description: string;
  key: string;
  colour: string;
  retired_at: string | null;
  example_url: string | null;
  /** Codes of what a retired label is a part of now (one), or was split into (several). */
  became: string[];
}

/** What has a label now. */
export interface LabelUse {
  code: string;
  images: number;
  /** Of those, the ones kept for measuring. */
  audit_images: number;
  answers: number;
  gold: number;
}

/** More pictures like a few, asked for by staff. */
export interface Search {
  id: string;
  /** Code and name of the label whose pictures are the examples; empty where one was chosen. */
  label: string;
  label_name: string;
  /** Some of the examples. */
  like: string[];
  n_like: number;
  count: number;
  /** Null until a worker has looked. */
  found: number | null;
  answered: number;
  created_at: string;
}

/** A large group of pictures that look alike: it teaches, or measures, or does neither. */
export interface KeptTogether {
  n: number;
  total: number;
  is_left_out: boolean;
}

/** Uploads of one source on one day that look different from what was there before. */
export interface DriftedUploads {
  source: string;
  day: string;
  images: number;
  audit_share: number;
  usual_share: number;
  sentence: string;
}

/** Pictures alike that people say fit none of the labels. */
export interface LabelProposal {
  id: string;
  created_at: string;
  similarity: number;
  /** Different captures among the images. */
  n_groups: number;
  images: { id: string; thumb_url: string; full_url: string; original_name: string }[];
}

export interface LabelProposals {
  /** Pictures that people say fit no label, alike or not. */
  unmatched: number;
  proposals: LabelProposal[];
}

export interface LabelRef {
  code: string;
  name: string;
}

export interface ImageRef {
  id: string;
  url: string;
  thumb_url: string;
}

export interface StaffImage extends CellImage {
  original_name: string;
  source: string;
  label: string | null;
  /** All of them, where a picture may show several. */
  label_names: string[];
  state: string;
  flag_reason: string;
  note: string;
}

export interface ImagePage {
  results: StaffImage[];
  next: number | null;
}

export interface UploadResult {
  name: string;
  status: "stored" | "duplicate" | "refused";
  image?: string;
  code?: string;
  message?: string;
}

export interface ApiToken {
  id: string;
  name: string;
  prefix: string;
  scopes: string[];
  project: string | null;
  created_at: string;
  expires_at: string;
  last_used_at: string | null;
}

/** Only the answer that makes a token holds its secret. */
export interface NewApiToken extends ApiToken {
  token: string;
}

export type ProjectSettings = Record<string, string | number | boolean | null>;
