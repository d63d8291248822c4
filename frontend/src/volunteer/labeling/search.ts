import type { Label } from "../../api/types";

/** Lower case, accents off: "Crème" is found by "creme". */
function fold(text: string): string {
  return text
    .normalize("NFD")
    .replace(/\p{Diacritic}/gu, "")
    .toLowerCase();
}

/** 0 is best; null is no match. */
function rank(label: Label, query: string): number | null {
  const name = fold(label.name);
  if (name === query) return 0;
  if (name.startsWith(query)) return 1;
  const words = query.split(/\s+/);
  const starts = name.split(/[\s\-/(),]+/);
  if (words.every((word) => starts.some((start) => start.startsWith(word)))) return 2;
  if (name.includes(query)) return 3;
  if (fold(label.description).includes(query) || label.code.includes(query)) return 4;
  return null;
}

/** Labels that fit what was typed, best first; equal ones by recent use, then in scheme order. */
export function findLabels(
  labels: readonly Label[],
  query: string,
  recent: readonly string[] = [],
): Label[] {
  const wanted = fold(query.trim());
  const found: { label: Label; rank: number; place: number }[] = [];
  for (const [index, label] of labels.entries()) {
    const fit = wanted === "" ? 0 : rank(label, wanted);
    if (fit === null) continue;
    const used = recent.lastIndexOf(label.code);
    const place = used === -1 ? recent.length + index : recent.length - 1 - used;
    found.push({ label, rank: fit, place });
  }
  return found.sort((a, b) => a.rank - b.rank || a.place - b.place).map((match) => match.label);
}
