import type { Label, LabelGroup } from "../../api/types";

/** Lower case, accents off: "Crème" is found by "creme". */
function fold(text: string): string {
  return text
    .normalize("NFD")
    .replace(/\p{Diacritic}/gu, "")
    .toLowerCase();
}

/** 0 is best; null is no match. */
function nearness(name: string, query: string): number | null {
  if (name === query) return 0;
  if (name.startsWith(query)) return 1;
  const words = query.split(/\s+/);
  const starts = name.split(/[\s\-/(),]+/);
  if (words.every((word) => starts.some((start) => start.startsWith(word)))) return 2;
  return name.includes(query) ? 3 : null;
}

/** As `nearness`; by what a label was called before a rename, a merge or a split it is found after all that bear the name. */
function rank(label: Label, query: string): number | null {
  const best = nearness(fold(label.name), query);
  if (best !== null) return best;
  if (label.former_names.some((name) => nearness(fold(name), query) !== null)) return 4;
  if (fold(label.description).includes(query) || label.code.includes(query)) return 5;
  return null;
}

/** What a label was called before it was renamed, merged or split, where it is by that name that it was found. */
export function foundBy(label: Label, query: string): string | undefined {
  const wanted = fold(query.trim());
  if (wanted === "" || nearness(fold(label.name), wanted) !== null) return undefined;
  return label.former_names.find((name) => nearness(fold(name), wanted) !== null);
}

/** Groups that fit what was typed: for who can tell no more, so never before a label that fits. */
export function findGroups(groups: readonly LabelGroup[], query: string): LabelGroup[] {
  const wanted = fold(query.trim());
  if (wanted === "") return [];
  return groups.filter((group) => nearness(fold(group.name), wanted) !== null);
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
    const how = wanted === "" ? 0 : rank(label, wanted);
    if (how === null) continue;
    const used = recent.lastIndexOf(label.code);
    const place = used === -1 ? recent.length + index : recent.length - 1 - used;
    found.push({ label, rank: how, place });
  }
  return found.sort((a, b) => a.rank - b.rank || a.place - b.place).map((match) => match.label);
}
