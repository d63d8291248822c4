import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { Dialog } from "../shared/Dialog/Dialog";
import type { CellImage } from "./types";

export interface ImageGridProps<T extends CellImage> {
  images: T[];
  caption: (image: T) => ComponentChildren;
  actions?: (image: T) => ComponentChildren;
}

/** Thumbnails in a grid; each opens large. */
export function ImageGrid<T extends CellImage>({ images, caption, actions }: ImageGridProps<T>) {
  const [open, setOpen] = useState<T | null>(null);
  return (
    <>
      <ul class="image-grid">
        {images.map((image) => (
          <li key={image.id}>
            <button type="button" class="image-tile" onClick={() => setOpen(image)}>
              <img src={image.thumb_url} alt="" loading="lazy" />
              <span class="small">{caption(image)}</span>
            </button>
            {actions?.(image)}
          </li>
        ))}
      </ul>
      <Dialog open={open !== null} title="Image" onClose={() => setOpen(null)} wide>
        {open && (
          <figure class="image-large">
            <img src={open.full_url} alt="" />
            <figcaption>{caption(open)}</figcaption>
          </figure>
        )}
      </Dialog>
    </>
  );
}
