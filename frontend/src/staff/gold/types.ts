/** Shapes of what the Gold page and its dialog read and write. */
import type { ImageRef, LabelRef } from "../types";

export interface GoldReference {
  label: LabelRef;
  note: string;
  set_by: string;
  created_at: string;
}

export interface GoldLine extends GoldReference {
  image: ImageRef;
  answers: { right: number; wrong: number };
}

export interface GoldPage {
  n: number;
  serving_share: number;
  starts_at: number;
  onboarding_images: number;
  next: string | null;
  results: GoldLine[];
}

export interface GoldOfImage {
  image: ImageRef;
  reference: GoldReference | null;
  may_be_gold: boolean;
  why_not: string | null;
}

export interface GoldSet {
  n: number;
  serving_share: number;
  results: {
    image: string;
    status: "set" | "changed" | "unchanged" | "refused";
    code: string | null;
    message: string | null;
  }[];
}
