/** What `forecast` answers: figures about labels to come. */

/** 10th, 50th and 90th percentile. */
export interface Range {
  low: number;
  middle: number;
  high: number;
}

export interface BandPoint extends Range {
  labels: number;
}

/** A classifier fitted on the first labels, measured on today's settled audit images. */
export interface CurvePoint {
  labels: number;
  accuracy: number;
  low: number;
  high: number;
}

export interface LabelNeed {
  code: string;
  name: string;
  labels: number;
  /** Audit images of it. */
  n: number;
  standing: "supported" | "needs" | "merge" | "unknown";
  more: Range | null;
  partner: string | null;
  sentence: string;
}

export interface Figures {
  version: number | null;
  /** Pictures may show several labels: `labels` are labeled pictures. Not known of figures of before. */
  is_several?: boolean;
  labels: number;
  /** Settled ones. */
  audit_images: number;
  /** As the overview counts them: some wait for an expert. Not known of figures of before. */
  audit_answered?: number;
  target: number | null;
  curve: CurvePoint[];
  band: BandPoint[];
  overall: { refusal: string | null; sentence: string };
  per_label: LabelNeed[];
  advice: { kind: string; sentence: string; kappa: number } | null;
  savings: { refusal: string | null; sentence: string };
}

/** What a narrower interval of one label takes. */
export interface TopUpPrice {
  label: string;
  half_width: number;
  /** More audit images of it. */
  missing: number;
  /** Of new pictures that look like it, how many become audit images once asked for. */
  share: number;
  is_asked_for: boolean;
  sentence: string;
}

/** A label that staff have asked to know better. */
export interface TopUp {
  id: string;
  label: string;
  label_name: string;
  half_width: number;
  now: number;
  n: number;
  share: number;
  /** New pictures that looked like it since. */
  seen: number;
  created_at: string;
}

export interface Outlook {
  computed_at: string | null;
  /** The function that chooses while the project's own does not pay; empty where it does. */
  fallback: string;
  fallback_because: string;
  figures: Figures | null;
}
