/** Shapes of what the Gold page and its dialog read and write. */
import { listed } from "../format";
import type { ImageRef, LabelRef } from "../types";

export interface GoldReference {
  label: LabelRef;
  /** The others, where a picture may show several. */
  further: LabelRef[];
  note: string;
  set_by: string;
  created_at: string;
}

/** "Milk", or "Milk and Juice" where it shows both. */
export function shownBy({ label, further }: GoldReference): string {
  return listed([label, ...further].map(({ name }) => name));
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
