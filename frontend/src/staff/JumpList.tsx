import { useState } from "preact/hooks";

interface Section {
  name: string;
  head: HTMLElement;
}

/** The headings that stand on the page now, in their order. */
export function sectionsOf(page: ParentNode): Section[] {
  return [...page.querySelectorAll<HTMLElement>("main h2")].flatMap((head) => {
    const name = head.textContent?.trim() ?? "";
    return name && !head.closest("dialog") ? [{ name, head }] : [];
  });
}

/** On a phone the pages are long: what stands further down, a tap away. */
export function JumpList() {
  const [sections, setSections] = useState<Section[]>([]);
  const [isOpen, setOpen] = useState(false);
  const go = ({ head }: Section) => {
    setOpen(false);
    head.tabIndex = -1;
    head.scrollIntoView({ block: "start" });
    head.focus({ preventScroll: true });
  };
  return (
    <details
      class="jump-list"
      open={isOpen}
      onToggle={(event) => {
        const { open } = event.currentTarget;
        setOpen(open);
        // Read when it is opened: the page goes on loading and changing.
        if (open) setSections(sectionsOf(document));
      }}
    >
      <summary>On this page</summary>
      <ul>
        {sections.map((section) => (
          <li key={section.name}>
            <button type="button" class="link-button" onClick={() => go(section)}>
              {section.name}
            </button>
          </li>
        ))}
      </ul>
    </details>
  );
}
