import type { UploadResult } from "./types";

/** So many files a request: progress is seen, and one lost connection costs little. */
export const FILES_A_REQUEST = 8;

export function batches<T>(items: readonly T[], size: number): T[][] {
  const parts: T[][] = [];
  for (let start = 0; start < items.length; start += size) {
    parts.push(items.slice(start, start + size));
  }
  return parts;
}

export interface UploadSummary {
  stored: number;
  duplicates: number;
  refused: UploadResult[];
}

export function summary(results: readonly UploadResult[]): UploadSummary {
  return {
    stored: results.filter((result) => result.status === "stored").length,
    duplicates: results.filter((result) => result.status === "duplicate").length,
    refused: results.filter((result) => result.status === "refused"),
  };
}

/** The summary in one line; kinds of results that did not happen are left out. */
export function sentence({ stored, duplicates, refused }: UploadSummary): string {
  const parts = [`${stored} stored`];
  if (duplicates > 0) parts.push(`${duplicates} already there`);
  if (refused.length > 0) parts.push(`${refused.length} refused`);
  return `${parts.join(", ")}.`;
}
