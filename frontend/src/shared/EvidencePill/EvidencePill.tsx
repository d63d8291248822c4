const WORDS: Record<string, string> = { PROVISIONAL: "provisional", PROVEN: "proven" };

const MEANING: Record<string, string> = {
  PROVISIONAL: "The audit images have not yet shown that it is better than what it replaced.",
  PROVEN: "The audit images have shown its worth.",
};

/** How well a version's worth is known: one word, one colour, on every page. */
export function EvidencePill({ evidence }: { evidence: string }) {
  return (
    <span
      class="pill"
      data-tone={evidence === "PROVEN" ? "good" : "info"}
      title={MEANING[evidence]}
    >
      {WORDS[evidence] ?? evidence.toLowerCase()}
    </span>
  );
}
