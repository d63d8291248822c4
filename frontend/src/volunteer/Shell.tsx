import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Toasts } from "../shared/Toast/Toast";
import "./Shell.css";

export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 64 64" width="28" height="28" aria-hidden="true">
      <rect width="64" height="64" rx="14" class="mark-ground" />
      <path d="M22 12h20v6H22z" class="mark-lid" />
      <path
        d="M20 20h24c4 3 5 7 5 12v14a6 6 0 0 1-6 6H21a6 6 0 0 1-6-6V32c0-5 1-9 5-12z"
        class="mark-jar"
      />
      <path d="M23 36l7 7 12-13" class="mark-tick" />
    </svg>
  );
}

/** A page to read: a thin bar, one column, its heading focused when it opens. */
export function Shell({ children, nav }: { children: ComponentChildren; nav?: ComponentChildren }) {
  const main = useRef<HTMLElement>(null);
  useEffect(() => {
    const heading = main.current?.querySelector("h1");
    heading?.setAttribute("tabindex", "-1");
    heading?.focus({ preventScroll: true });
  }, []);
  return (
    <div class="shell">
      <header class="shell-bar">
        <a class="shell-home" href="/">
          <Mark />
          Larder
        </a>
        {nav && <nav class="shell-nav">{nav}</nav>}
      </header>
      <main ref={main} class="shell-main">
        {children}
      </main>
      <Toasts />
    </div>
  );
}
