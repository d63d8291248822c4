import type { ApiError } from "../../api/errors";

export function isPausedCode(code: string): boolean {
  return code === "paused" || code.endsWith("_paused");
}

/** Paused is this one person, not the project: what they held has gone to others. */
export function isForThisPerson(code: string): boolean {
  return code === "annotator_paused";
}

/** Paused by the coordinator: what was answered waits here and goes out when it opens again. */
export function isForPaused(error: ApiError): boolean {
  return isPausedCode(error.code);
}

/** Nothing can be sent until the person has joined or signed in again. */
export function isForBlocked(error: ApiError): boolean {
  return error.status === 401 || error.status === 403;
}

const WORDS: Record<string, string> = {
  assignment_expired:
    "One image had waited too long and went to somebody else, so that answer was not needed.",
  key_reused: "That answer had already been counted differently, so this one was set aside.",
  already_answered: "You had answered that image already; your first answer stands.",
  assignment_not_found:
    "One image had gone to somebody else meanwhile, so that answer was not needed.",
  invalid_answer:
    "The labels have changed meanwhile, so one answer did not fit any more. Please reload the page to see the labels as they are now.",
  cannot_undo: "That answer cannot be taken back any more.",
  annotation_not_found: "That answer cannot be taken back any more.",
};

/** For an answer the server will never take: what happened and what it means. */
export function wordsForRefusal(error: ApiError): string {
  return WORDS[error.code] ?? `One answer was not accepted: ${error.message}`;
}

export function titleForBlocked(error: ApiError): string {
  if (error.code === "not_joined" || error.status === 401)
    return "You have not joined this project on this device";
  return "This project cannot take your answers now";
}
