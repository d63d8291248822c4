import type { LabelingPage } from "../../api/types";
import { recall, remember } from "./memory";

type Page = Pick<LabelingPage, "guide"> & {
  annotator: Pick<LabelingPage["annotator"], "id" | "answers">;
};

/** What a person is to be told of the guide: all of it, that it has changed, or nothing. */
export type GuideNews = "first" | "changed" | "none";

const isText = (value: unknown): value is string => typeof value === "string";
const place = (page: Page) => `guide:${page.annotator.id}`;

/** Compare the guide with the one this person closed last in this browser. */
export function guideNews(page: Page): GuideNews {
  const seen = recall(place(page), isText);
  if (seen === page.guide) return "none";
  if (page.annotator.answers === 0) return "first";
  if (seen !== null) return "changed";
  // They read it elsewhere, before their first answer.
  sawGuide(page);
  return "none";
}

export function sawGuide(page: Page): void {
  remember(place(page), page.guide);
}
