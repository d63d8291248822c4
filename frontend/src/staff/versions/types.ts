/** What `gate` answers; the names are those of docs/api.md. */

export interface Look {
  /** Audit images seen. */
  n: number;
  wins: number;
  losses: number;
  log_e: number;
  at: string;
}

export interface Comparison {
  kind: string;
  version: number;
  version_kind: string;
  reference: number | null;
  /** The label that was always answered, where there was no proven version. */
  always: string | null;
  ordinal: number;
  decision: string;
  wins: number;
  losses: number;
  n: number;
  log_e: number;
  needed: number | null;
  fallen: string[];
  sentence: string;
  looks: Look[];
  created_at: string;
  updated_at: string;
}

export interface AuditShare {
  right: number;
  estimate: number;
  low: number;
  high: number;
}

export interface Waiting {
  id: string;
  number: number;
  kind: string;
  evidence: string;
  n_labels: number;
  created_at: string;
  verdict: string;
  waits_for: string;
  on_audit: null | {
    n: number;
    wins: number;
    losses: number;
    challenger: AuditShare;
    champion: AuditShare & { number: number };
  };
}

export interface Gate {
  mode: string;
  champion: null | {
    number: number;
    evidence: string;
    since: string;
    proven: number | null;
    why: string;
  };
  waiting: Waiting[];
  comparisons: Comparison[];
}
