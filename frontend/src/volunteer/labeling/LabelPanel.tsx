import type { RefObject } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import type { Label, LabelGroup } from "../../api/types";
import type { Command, Desk, Registry } from "./actions";
import { inSlotsFirst, keyName, type Slots } from "./keys";
import { findGroups, findLabels, foundBy } from "./search";
import "./LabelPanel.css";

export interface LabelPanelProps {
  labels: readonly Label[];
  groups: readonly LabelGroup[];
  registry: Registry;
  desk: Desk;
  slots: Slots;
  searchBox: RefObject<HTMLInputElement | null>;
  isReady: boolean;
}

function LabelButton({
  command,
  label,
  isTop,
  hasColours,
  former,
  onPicked,
  ...props
}: {
  command: Command;
  label: Label;
  isTop: boolean;
  hasColours: boolean;
  isSeveral: boolean;
  /** What it was called when it was what somebody looks for. */
  former: string | undefined;
  /** Told once it has been picked: what was looked for is found. */
  onPicked: () => void;
} & Pick<LabelPanelProps, "desk" | "isReady">) {
  const { desk, isReady, isSeveral } = props;
  const isChosen = desk.chosen().includes(label.code);
  return (
    <button
      type="button"
      class="label-button"
      data-top={isTop}
      aria-pressed={isChosen || isSeveral ? isChosen : undefined}
      aria-disabled={!isReady}
      aria-keyshortcuts={command.keys[0]}
      title={label.description || undefined}
      onClick={(event) => {
        // Enter after a click is to save what was chosen, not to take the last one back.
        if (isSeveral && event.detail > 0) event.currentTarget.blur();
        if (!command.predicate(desk)) return;
        command.perform(desk, "pointer");
        onPicked();
      }}
    >
      {hasColours && <span class="label-dot" style={{ background: label.colour }} />}
      <span class="label-name">
        {label.name}
        {former && <span class="soft small"> (was {former})</span>}
      </span>
      {command.keys[0] && <kbd class="kbd">{keyName(command.keys[0])}</kbd>}
    </button>
  );
}

/** For who can tell milk from juice, and not which milk: small, below what says more. */
function Groups({
  groups,
  top,
  registry,
  desk,
  isReady,
  onPicked,
}: Pick<LabelPanelProps, "groups" | "registry" | "desk" | "isReady"> & {
  onPicked: () => void;
  /** The one that Enter picks. */
  top: LabelGroup | undefined;
}) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: as the labels above it.
    <div class="label-groups" role="group" aria-labelledby="label-groups">
      <span id="label-groups" class="soft small">
        Not sure which? Say only
      </span>
      {groups.map((group) => {
        const command = registry.byId.get(`group:${group.code}`);
        return (
          command && (
            <button
              key={group.code}
              type="button"
              class="button"
              data-size="s"
              data-top={group === top}
              aria-disabled={!isReady}
              aria-keyshortcuts={command.keys[0]}
              onClick={() => {
                if (!command.predicate(desk)) return;
                command.perform(desk, "pointer");
                onPicked();
              }}
            >
              {group.name}
              {command.keys[0] && <kbd class="kbd">{keyName(command.keys[0])}</kbd>}
            </button>
          )
        );
      })}
    </div>
  );
}

/** All labels as buttons; what is typed sorts and filters them, Enter takes the first. */
export function LabelPanel(props: LabelPanelProps) {
  const { labels, groups, registry, desk, slots, searchBox, isReady } = props;
  const [query, setQuery] = useState("");
  const [place, setPlace] = useState(0);
  const hasSearch = registry.byId.has("search");
  const isAsking = query.trim() !== "";
  const found = useMemo(() => {
    if (isAsking) return findLabels(labels, query, slots.byUse);
    // Nothing typed: recently used first where that saves looking, by their digits, so that a
    // button does not jump after every answer; else the scheme's own order.
    return registry.isSearching ? inSlotsFirst(labels, slots) : labels;
  }, [labels, query, isAsking, slots, registry.isSearching]);
  const hasColours = useMemo(() => new Set(labels.map((l) => l.colour)).size > 1, [labels]);
  const foundGroups = useMemo(() => findGroups(groups, query), [groups, query]);
  const top = isAsking ? found[Math.min(place, found.length - 1)] : undefined;
  const topGroup = top ? undefined : foundGroups[0];

  // biome-ignore lint/correctness/useExhaustiveDependencies: another query starts at its first match.
  useEffect(() => setPlace(0), [query]);

  const leave = () => {
    setQuery("");
    searchBox.current?.blur();
  };

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.isComposing) return;
    if (event.key === "Escape") leave();
    else if (event.key === "ArrowDown") setPlace(Math.min(place + 1, found.length - 1));
    else if (event.key === "ArrowUp") setPlace(Math.max(place - 1, 0));
    else if (event.key === "Enter" && (top || topGroup)) {
      const command = registry.byId.get(top ? `label:${top.code}` : `group:${topGroup?.code}`);
      if (!event.repeat && command?.predicate(desk)) {
        command.perform(desk, "search");
        leave();
      }
    } else return;
    event.preventDefault();
  };

  const spoken = !isAsking
    ? ""
    : top
      ? `${found.length} found. Enter picks ${top.name}.`
      : topGroup
        ? `No label fits, a group does. Enter says only ${topGroup.name}.`
        : "No label fits.";

  return (
    <div class="label-panel" data-search={hasSearch}>
      {hasSearch && (
        <div class="label-search">
          <svg viewBox="0 0 20 20" width="18" height="18" aria-hidden="true">
            <circle cx="9" cy="9" r="5.5" fill="none" stroke="currentColor" stroke-width="1.8" />
            <path d="M13.2 13.2L17 17" stroke="currentColor" stroke-width="1.8" />
          </svg>
          <input
            ref={searchBox}
            class="input"
            type="search"
            value={query}
            placeholder={`Find one of ${labels.length} labels`}
            aria-label="Find a label"
            autocomplete="off"
            autocapitalize="off"
            spellcheck={false}
            enterkeyhint="done"
            onInput={(event) => setQuery(event.currentTarget.value)}
            onKeyDown={onKeyDown}
          />
          <kbd class="kbd label-search-key">/</kbd>
        </div>
      )}
      <p class="visually-hidden" role="status">
        {spoken}
      </p>
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset cannot be a scrolling grid everywhere. */}
      <div
        class="label-list"
        role="group"
        aria-label="Labels"
        data-few={labels.length <= 8}
        tabIndex={hasSearch ? 0 : undefined}
      >
        {found.map((label) => {
          const command = registry.byId.get(`label:${label.code}`);
          return (
            command && (
              <LabelButton
                key={label.code}
                command={command}
                label={label}
                isTop={label === top}
                hasColours={hasColours}
                isSeveral={registry.byId.has("confirm")}
                former={foundBy(label, query)}
                onPicked={() => setQuery("")}
                desk={desk}
                isReady={isReady}
              />
            )
          );
        })}
        {found.length === 0 && (
          <p class="soft label-none">
            {topGroup ? (
              <>
                “{topGroup.name}” stands for several labels. If you cannot tell which, press Enter
                or choose it below.
              </>
            ) : (
              <>
                No label fits “{query.trim()}”. Try another word; if none of the labels is right,
                say <em>none of these</em>.
              </>
            )}
          </p>
        )}
      </div>
      {groups.length > 0 && (
        <Groups
          groups={groups}
          top={topGroup}
          registry={registry}
          desk={desk}
          isReady={isReady}
          onPicked={() => setQuery("")}
        />
      )}
    </div>
  );
}
