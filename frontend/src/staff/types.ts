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
}

export interface ClassAccuracy extends Estimate {
  code: string;
  name: string;
  /** Drawn towards the other labels; null where the label has no audit image. */
  pooled: { estimate: number | null; low: number; high: number; n: number } | null;
}

export interface SourceAccuracy extends Estimate {
  source: string;
}

export interface ActiveRun {
  id: string;
  kind: string;
  state: string;
  stage: string;
  progress: number;
  trigger: string;
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
    per_source: SourceAccuracy[];
    per_class: ClassAccuracy[];
    rests_on_one_person: boolean;
  };
  labels: {
    resolved: number;
    pool: number;
    audit_resolved: number;
    audit_total: number;
    answers: number;
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
}

export interface Invitation {
  id: string;
  role: string;
  created_at: string;
  expires_at: string;
  use_limit: number;
  uses: number;
  revoked_at: string | null;
}

/** Only the answer that makes a link holds it. */
export interface NewInvitation extends Invitation {
  url: string;
  qr_svg: string;
}

export interface Person {
  id: string;
  display_name: string;
  role: string;
  answers: number;
  last_seen_at: string | null;
  skill: null | { estimate: number; low: number; high: number; n: number };
  paused: boolean;
}

export interface Message {
  id: number;
  display_name: string;
  text: string;
  created_at: string;
}

export interface StaffImage extends CellImage {
  original_name: string;
  source: string;
  label: string | null;
  label_name: string | null;
  state: string;
  partition: string;
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
