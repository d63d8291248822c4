import type { ImageRef } from "../../api/types";

export type Picture =
  | { status: "loading" }
  | { status: "ready"; src: string }
  | { status: "failed" };

export interface PictureLoader {
  /** Fetch and decode; gives an address that an <img> shows without waiting. */
  load(url: string, signal: AbortSignal): Promise<string>;
  revoke(src: string): void;
}

interface Held {
  image: ImageRef;
  picture: Picture;
  controller: AbortController;
}

const TRIES = 3;
const RETRY_MS = 1500;

/**
 * The decoded pictures of the images in hand, and no others: memory stays the same after a
 * thousand answers as after three.
 */
export class Pictures {
  readonly #held = new Map<string, Held>();
  readonly #loader: PictureLoader;
  readonly #after: (ms: number, then: () => void) => unknown;
  readonly #onChange: () => void;

  constructor(
    loader: PictureLoader,
    after: (ms: number, then: () => void) => unknown,
    onChange: () => void,
  ) {
    this.#loader = loader;
    this.#after = after;
    this.#onChange = onChange;
  }

  get size(): number {
    return this.#held.size;
  }

  of(image: ImageRef): Picture {
    return this.#held.get(image.id)?.picture ?? { status: "loading" };
  }

  /** Keep exactly these: start what is missing (in this order), give back the rest. */
  keep(images: readonly ImageRef[]): void {
    const wanted = new Set(images.map((image) => image.id));
    for (const [id, held] of this.#held) if (!wanted.has(id)) this.#drop(id, held);
    for (const image of images) if (!this.#held.has(image.id)) this.#start(image);
  }

  retry(image: ImageRef): void {
    const held = this.#held.get(image.id);
    if (held?.picture.status !== "failed") return;
    this.#drop(image.id, held);
    this.#start(image);
    this.#onChange();
  }

  /** The network is back: what gave up without it begins again. */
  retryFailed(): void {
    for (const { image, picture } of [...this.#held.values()]) {
      if (picture.status === "failed") this.retry(image);
    }
  }

  #drop(id: string, held: Held): void {
    this.#held.delete(id);
    held.controller.abort();
    if (held.picture.status === "ready") this.#loader.revoke(held.picture.src);
  }

  #start(image: ImageRef): void {
    const held: Held = {
      image,
      picture: { status: "loading" },
      controller: new AbortController(),
    };
    this.#held.set(image.id, held);
    void this.#load(held, 1);
  }

  async #load(held: Held, attempt: number): Promise<void> {
    const { signal } = held.controller;
    try {
      const src = await this.#loader.load(held.image.url, signal);
      if (signal.aborted) {
        this.#loader.revoke(src);
        return;
      }
      held.picture = { status: "ready", src };
    } catch {
      // Whatever the reason (network, status, decode), the remedy is the same: again, then say so.
      if (signal.aborted) return;
      if (attempt < TRIES) {
        this.#after(RETRY_MS * attempt, () => {
          if (!signal.aborted) void this.#load(held, attempt + 1);
        });
        return;
      }
      held.picture = { status: "failed" };
    }
    this.#onChange();
  }
}

/** Loads through fetch into an object URL, so that a picture in hand survives going offline. */
export const browserLoader: PictureLoader = {
  async load(url, signal) {
    const response = await fetch(url, { signal, credentials: "same-origin" });
    if (!response.ok) throw new Error(`${url}: ${response.status}`);
    const src = URL.createObjectURL(await response.blob());
    const element = new Image();
    element.src = src;
    try {
      await element.decode();
    } catch (error) {
      URL.revokeObjectURL(src);
      throw error;
    }
    return src;
  },
  revoke: (src) => URL.revokeObjectURL(src),
};
