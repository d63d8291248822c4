interface ShowAllProps {
  total: number;
  /** How many are shown while it is folded: with no more than that there is nothing to fold. */
  atFirst: number;
  /** What they are, "labels". */
  things: string;
  isAll: boolean;
  onChange: (isAll: boolean) => void;
}

/** Unfolds a long list, and folds it again. */
export function ShowAll({ total, atFirst, things, isAll, onChange }: ShowAllProps) {
  if (total <= atFirst) return null;
  return (
    <p>
      <button
        type="button"
        class="link-button"
        aria-expanded={isAll}
        onClick={() => onChange(!isAll)}
      >
        {isAll ? "Show fewer" : `Show all ${total} ${things}`}
      </button>
    </p>
  );
}
