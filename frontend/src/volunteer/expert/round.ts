import type { ImageRef } from "../../api/types";

/** So many are asked for at once, and more when fewer than this many are in hand. */
export const BATCH = 5;
export const FEWEST = 2;

export interface Round {
  /** The first is shown; the others are loaded ahead. */
  images: readonly ImageRef[];
  /** How many wait for an expert in all. */
  left: number;
  settled: number;
}

/** The server goes round at the end of its list: what is in hand already is not taken twice. */
export function take(round: Round, more: readonly ImageRef[]): Round {
  const known = new Set(round.images.map((image) => image.id));
  const fresh = more.filter((image) => !known.has(image.id));
  return { ...round, images: [...round.images, ...fresh] };
}

/** The image is not in hand any more: skipped, settled, or settled by somebody else. */
export function drop(round: Round, id: string): Round {
  return { ...round, images: round.images.filter((image) => image.id !== id) };
}

export function settle(round: Round, id: string, left: number): Round {
  return { ...drop(round, id), left, settled: round.settled + 1 };
}

/** A decision was taken back: its image is shown again. */
export function reopen(round: Round, image: ImageRef): Round {
  const { images, left, settled } = drop(round, image.id);
  return { images: [image, ...images], left: left + 1, settled: Math.max(0, settled - 1) };
}

/** Where to go on asking from: behind the last image in hand, else behind the one just left. */
export function needsMore(round: Round): boolean {
  return round.images.length < FEWEST && round.images.length < round.left;
}
