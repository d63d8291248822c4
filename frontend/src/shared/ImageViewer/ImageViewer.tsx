import { useEffect, useRef, useState } from "preact/hooks";
import "./ImageViewer.css";

export interface ImageViewerProps {
  src: string;
  alt: string;
  isZoomed: boolean;
  onZoom: (isZoomed: boolean) => void;
}

interface View {
  scale: number;
  x: number;
  y: number;
}

const WHOLE: View = { scale: 1, x: 0, y: 0 };
const CLOSER = 2.5;
const CLOSEST = 6;
/** A finger that moved less than this tapped. */
const TAP_PX = 8;

/** Keep the point under the finger where it is, and the picture on the stage. */
function zoomAt(view: View, box: DOMRect, at: { x: number; y: number }, scale: number): View {
  const next = Math.min(CLOSEST, Math.max(1, scale));
  if (next === 1) return WHOLE;
  const px = at.x - box.left - box.width / 2;
  const py = at.y - box.top - box.height / 2;
  const ratio = next / view.scale;
  return bound({ scale: next, x: px - (px - view.x) * ratio, y: py - (py - view.y) * ratio }, box);
}

function bound(view: View, box: DOMRect): View {
  const limitX = (box.width * (view.scale - 1)) / 2;
  const limitY = (box.height * (view.scale - 1)) / 2;
  return {
    scale: view.scale,
    x: Math.min(limitX, Math.max(-limitX, view.x)),
    y: Math.min(limitY, Math.max(-limitY, view.y)),
  };
}

/** One image, as large as fits. Click or tap looks closer, drag moves, pinch and wheel zoom. */
export function ImageViewer({ src, alt, isZoomed, onZoom }: ImageViewerProps) {
  const stage = useRef<HTMLDivElement>(null);
  const [view, setView] = useState<View>(WHOLE);
  const latest = useRef(view);
  latest.current = view;
  const pointers = useRef(new Map<number, { x: number; y: number }>());
  const moved = useRef(0);

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new image starts whole.
  useEffect(() => {
    setView(WHOLE);
    pointers.current.clear();
  }, [src]);

  useEffect(() => {
    const isCloser = latest.current.scale > 1;
    if (isZoomed && !isCloser) setView({ ...WHOLE, scale: CLOSER });
    if (!isZoomed && isCloser) setView(WHOLE);
  }, [isZoomed]);

  useEffect(() => {
    const element = stage.current;
    if (!element) return;
    // Not passive: the page must not scroll or zoom along.
    const onWheel = (event: WheelEvent) => {
      event.preventDefault();
      const box = element.getBoundingClientRect();
      const at = { x: event.clientX, y: event.clientY };
      const scale = latest.current.scale * Math.exp(-event.deltaY / 400);
      show(zoomAt(latest.current, box, at, scale));
    };
    element.addEventListener("wheel", onWheel, { passive: false });
    return () => element.removeEventListener("wheel", onWheel);
  });

  const show = (next: View) => {
    setView(next);
    if (next.scale > 1 !== isZoomed) onZoom(next.scale > 1);
  };

  const onPointerDown = (event: PointerEvent) => {
    if (event.button !== 0) return;
    if (pointers.current.size === 0) moved.current = 0;
    pointers.current.set(event.pointerId, { x: event.clientX, y: event.clientY });
    stage.current?.setPointerCapture?.(event.pointerId);
  };

  const onPointerMove = (event: PointerEvent) => {
    const before = pointers.current.get(event.pointerId);
    const box = stage.current?.getBoundingClientRect();
    if (!before || !box) return;
    const now = { x: event.clientX, y: event.clientY };
    const step = Math.hypot(now.x - before.x, now.y - before.y);
    moved.current += step;
    const other = [...pointers.current].find(([id]) => id !== event.pointerId)?.[1];
    pointers.current.set(event.pointerId, now);
    if (other) {
      const was = Math.hypot(before.x - other.x, before.y - other.y);
      const is = Math.hypot(now.x - other.x, now.y - other.y);
      const middle = { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 };
      moved.current += TAP_PX;
      if (was > 0) show(zoomAt(view, box, middle, view.scale * (is / was)));
    } else if (view.scale > 1) {
      setView(bound({ ...view, x: view.x + now.x - before.x, y: view.y + now.y - before.y }, box));
    }
  };

  const onPointerUp = (event: PointerEvent) => {
    if (!pointers.current.delete(event.pointerId)) return;
    const box = stage.current?.getBoundingClientRect();
    if (event.type !== "pointerup" || moved.current >= TAP_PX || !box) return;
    const at = { x: event.clientX, y: event.clientY };
    show(view.scale > 1 ? WHOLE : zoomAt(view, box, at, CLOSER));
  };

  return (
    <div
      ref={stage}
      class="viewer"
      data-zoomed={view.scale > 1}
      onPointerDown={onPointerDown}
      onPointerMove={onPointerMove}
      onPointerUp={onPointerUp}
      onPointerCancel={onPointerUp}
    >
      <img
        class="viewer-image"
        src={src}
        alt={alt}
        draggable={false}
        style={{ transform: `translate(${view.x}px, ${view.y}px) scale(${view.scale})` }}
      />
    </div>
  );
}
