/** What the server refused, or "network" when it could not be asked. Thrown by every call. */
export class ApiError extends Error {
  readonly code: string;
  readonly detail: unknown;
  readonly status: number;

  constructor(code: string, message: string, status: number, detail: unknown = null) {
    super(message);
    this.name = "ApiError";
    this.code = code;
    this.status = status;
    this.detail = detail;
  }

  /** True where trying again later can help: no connection, server trouble, too many requests. */
  get isTemporary(): boolean {
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500;
  }
}

export const NETWORK = "network";

export function networkError(): ApiError {
  return new ApiError(
    NETWORK,
    "No connection to the server. Check your network; we keep trying.",
    0,
  );
}

export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

interface ErrorBody {
  code?: unknown;
  message?: unknown;
  detail?: unknown;
}

const WORDS_FOR_STATUS: Record<number, string> = {
  401: "Please sign in again.",
  403: "You may not do this.",
  404: "That was not found. It may have been removed, or the link is incomplete.",
  413: "That file is too large.",
  429: "Too many requests at once. Please wait a moment.",
};

/** Read the API's `{code, message, detail}`; make do with the status where there is none. */
export async function errorFromResponse(response: Response): Promise<ApiError> {
  let body: ErrorBody = {};
  try {
    const read: unknown = await response.json();
    if (read !== null && typeof read === "object") body = read as ErrorBody;
  } catch (error) {
    if (isAbort(error)) throw error;
    // Not JSON: a proxy's error page. The status says enough.
  }
  const fallback =
    WORDS_FOR_STATUS[response.status] ??
    `The server could not answer (${response.status}). Please try again in a moment.`;
  const message = typeof body.message === "string" && body.message ? body.message : fallback;
  const code = typeof body.code === "string" && body.code ? body.code : `http_${response.status}`;
  return new ApiError(code, message, response.status, body.detail ?? null);
}
