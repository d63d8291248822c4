/** Whole-number counts with thin grouping: 1,234. */
export function count(n: number): string {
  return n.toLocaleString("en");
}
