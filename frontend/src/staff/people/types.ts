/** Shapes of what the People page reads and writes. */
import type { ImageRef, LabelRef } from "../types";

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

/** A share with its 95 % interval; `n` may be fractional: expected counts. */
export interface Share {
  estimate: number | null;
  low: number;
  high: number;
  n: number;
}

export interface Suggestions {
  /** Of the wrong suggestions shown, how many were taken over. */
  accepted_wrong: Share;
  /** The same mistake where the suggestion was held back. */
  same_without: Share;
  shown: number;
}

export interface Person {
  id: string;
  display_name: string;
  /** Where others bear the name too: this one among them. */
  called?: string;
  role: string;
  has_account: boolean;
  is_you: boolean;
  answers: number;
  /** Not among the answers. */
  skips?: number;
  joined_at: string;
  last_seen_at: string | null;
  skill: Share | null;
  gold: { right: number; wrong: number; interval: Share | null };
  paused: boolean;
  paused_reason: "" | "skill" | "staff";
  paused_at: string | null;
  pause_lifted_at: string | null;
  quarantined: boolean;
  quarantined_at: string | null;
  anonymised: boolean;
  onboarded: boolean;
  suggestions: Suggestions | null;
}

export interface PersonEvent {
  at: string;
  verb: string;
  by: string | null;
  detail: Record<string, unknown>;
}

export interface RecentAnswer {
  image: ImageRef;
  kind: string;
  /** Codes beside the names that people know. */
  said: string | null;
  said_name: string | null;
  stands: string | null;
  stands_name: string | null;
  at: string;
}

export interface PersonDetail extends Person {
  by_label: (LabelRef & { interval: Share })[];
  confused: { truth: LabelRef; said: LabelRef; count: number }[];
  events: PersonEvent[];
  recent: RecentAnswer[];
  /** While answers are being set aside or brought back; total null before it is counted. */
  replay: { done: number; total: number | null } | null;
}

export interface Message {
  id: number;
  display_name: string;
  text: string;
  created_at: string;
  handled_at: string | null;
}

export interface AgreementPoint {
  at: string;
  alpha: number | null;
  low: number | null;
  high: number | null;
  expected_error: number | null;
}

export interface Agreement {
  now: null | {
    at: string;
    alpha: { estimate: number; low: number; high: number } | null;
    by_label: (LabelRef & {
      estimate: number | null;
      low: number | null;
      high: number | null;
      n_images: number;
    })[];
    expected_error: number | null;
    expected_error_interval?: [number, number] | null;
    /** Put right by what experts and gold found, or the model of the crowd alone. */
    expected_error_basis?: "checked" | "model" | null;
    /** What the figure rests on, in a sentence. */
    expected_error_means?: string;
    n_images: number;
    n_answers: number;
    n_exported: number;
  };
  points: AgreementPoint[];
}

export interface Overturned {
  open: number;
  settled: number;
  overturned: Share;
}

export interface Adjudication {
  open: number;
  settled: number;
  disagreements: Overturned;
  agreements: Overturned;
  share: number;
}
