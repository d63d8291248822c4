import { ApiError } from "../../api/client";
import { Button } from "../Button/Button";
import "./ErrorNote.css";

export interface ErrorNoteProps {
  error: unknown;
  onRetry?: (() => void) | undefined;
}

/** Words for any thrown thing; the API's own message where there is one. */
export function messageOf(error: unknown): string {
  if (error instanceof ApiError) return error.message;
  return "Something went wrong on this page. Please reload it.";
}

export function ErrorNote({ error, onRetry }: ErrorNoteProps) {
  if (error === null || error === undefined) return null;
  return (
    <div class="error-note" role="alert">
      <p>{messageOf(error)}</p>
      {onRetry && (
        <Button size="s" onClick={onRetry}>
          Try again
        </Button>
      )}
    </div>
  );
}
