import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { Dialog } from "../shared/Dialog/Dialog";
import type { CellImage } from "./types";

export interface ImageGridProps<T extends CellImage> {
  images: T[];
  /** What a screen reader calls the picture. */
  name: (image: T) => string;
  caption: (image: T) => ComponentChildren;
  actions?: (image: T) => ComponentChildren;
}

/** Thumbnails in a grid; each opens large. */
export function ImageGrid<T extends CellImage>(props: ImageGridProps<T>) {
  const { images, name, caption, actions } = props;
  const [open, setOpen] = useState<T | null>(null);
  return (
    <>
      <ul class="image-grid">
        {images.map((image) => (
          <li key={image.id}>
            <button type="button" class="image-tile" onClick={() => setOpen(image)}>
              <img src={image.thumb_url} alt={name(image)} loading="lazy" />
            </button>
            <p class="image-caption small">{caption(image)}</p>
            {actions?.(image)}
          </li>
        ))}
      </ul>
      <Dialog
        open={open !== null}
        title={open ? name(open) : ""}
        onClose={() => setOpen(null)}
        wide
      >
        {open && <img class="image-large" src={open.full_url} alt={name(open)} />}
      </Dialog>
    </>
  );
}
