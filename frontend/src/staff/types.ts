/** What the staff endpoints answer; the names are those of docs/api.md. */

export interface Session {
  user: { id: string; username: string; display_name: string; is_superuser: boolean } | null;
  projects: { slug: string; name: string; role: string }[];
}

export interface Estimate {
  estimate: number | null;
  low: number | null;
  high: number | null;
  n: number;
  unresolved?: number;
  missing?: number;
}

export interface ClassAccuracy extends Estimate {
  code: string;
  name: string;
  pooled?: { estimate: number | null; low: number | null; high: number | null } | null;
}

export interface SourceAccuracy extends Estimate {
  source: string;
}

export interface ActiveRun {
  id: string;
  kind: string;
  stage: string;
  progress: number;
  trigger: string;
}

export interface Overview {
  project: { slug: string; name: string; labeling_paused?: boolean; training_paused?: boolean };
  champion: null | {
    number: number;
    kind: string;
    evidence: string;
    verdict: string;
    promoted_at: string;
    n_labels: number;
    threshold: number;
  };
  accuracy: {
    overall: Estimate;
    macro?: number | null;
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
    budget: { month_spent: number | string; month_limit: number | string };
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
  cost: string | number;
  error: string;
  created_at: string;
}

export interface HistoryPoint {
  at: string;
  labels: number;
  answers: number;
  version: number;
  accuracy: number | null;
  low: number | null;
  high: number | null;
  n: number;
}

export interface Confusion {
  labels: { code: string; name: string }[];
  counts: number[][];
  n: number;
}

export interface CellImage {
  id: string;
  thumb_url: string;
  full_url: string;
  p?: number | null;
}

export interface StaffLabel {
  code: string;
  name: string;
  description: string;
  key: string;
  colour: string;
  retired_at?: string | null;
  example_url: string | null;
}

export interface Invitation {
  id: string;
  role: string;
  url?: string;
  qr_svg?: string;
  expires_at: string;
  use_limit: number;
  uses?: number;
  revoked_at?: string | null;
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
  id?: number | string;
  annotator?: string;
  display_name?: string;
  text: string;
  created_at: string;
}

export interface StaffImage {
  id: string;
  thumb_url: string;
  full_url: string;
  label?: string | null;
  state?: string | null;
  partition?: string | null;
  flag_reason?: string | null;
  note?: string | null;
}

export interface UploadResult {
  name: string;
  status: "stored" | "duplicate" | "refused";
  image?: string;
  code?: string;
  message?: string;
}
