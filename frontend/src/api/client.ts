import { ApiError, errorFromResponse, isAbort, networkError } from "./errors";

export { ApiError, isAbort } from "./errors";

export const API = "/api/v1/";

export interface CallOptions {
  signal?: AbortSignal | undefined;
  headers?: Record<string, string>;
}

/** The CSRF token that Django's pages and GET session/ put into a readable cookie. */
export function csrfToken(): string {
  const match = /(?:^|;\s*)csrftoken=([^;]+)/.exec(document.cookie);
  return match?.[1] ? decodeURIComponent(match[1]) : "";
}

function address(path: string): string {
  return path.startsWith("/") ? path : API + path;
}

async function send(method: string, path: string, init: RequestInit): Promise<Response> {
  const headers = new Headers(init.headers);
  headers.set("Accept", "application/json");
  if (method !== "GET") headers.set("X-CSRFToken", csrfToken());
  try {
    return await fetch(address(path), { ...init, method, headers, credentials: "same-origin" });
  } catch (error) {
    if (isAbort(error)) throw error;
    throw networkError();
  }
}

async function readJson<T>(response: Response): Promise<T> {
  if (!response.ok) throw await errorFromResponse(response);
  if (response.status === 204) return undefined as T;
  try {
    return (await response.json()) as T;
  } catch (error) {
    if (isAbort(error)) throw error;
    throw new ApiError("bad_answer", "The server's answer was cut off or not JSON.", 502);
  }
}

async function call<T>(
  method: string,
  path: string,
  body: unknown,
  options: CallOptions = {},
): Promise<T> {
  const isForm = body instanceof FormData;
  const headers: Record<string, string> = { ...options.headers };
  if (body !== undefined && !isForm) headers["Content-Type"] = "application/json";
  const init: RequestInit = { headers };
  if (options.signal) init.signal = options.signal;
  if (body !== undefined) init.body = isForm ? body : JSON.stringify(body);
  if (method !== "GET" && csrfToken() === "") await renewCsrf(options.signal);
  try {
    return await readJson<T>(await send(method, path, init));
  } catch (error) {
    if (!isCsrfRefusal(error)) throw error;
    // The cookie was older than the sign-in: a fresh one, and once more.
    await renewCsrf(options.signal);
    return readJson<T>(await send(method, path, init));
  }
}

function isCsrfRefusal(error: unknown): boolean {
  return error instanceof ApiError && error.code === "csrf_failed";
}

/** GET session/ sets the cookie. */
async function renewCsrf(signal?: AbortSignal): Promise<void> {
  await send("GET", "session", signal ? { signal } : {});
}

/** Paths are relative to /api/v1/. Every method throws `ApiError`, or AbortError when aborted. */
export const api = {
  get: <T>(path: string, options?: CallOptions) => call<T>("GET", path, undefined, options),
  post: <T>(path: string, body?: unknown, options?: CallOptions) =>
    call<T>("POST", path, body, options),
  patch: <T>(path: string, body: unknown, options?: CallOptions) =>
    call<T>("PATCH", path, body, options),
  delete: <T = void>(path: string, options?: CallOptions) =>
    call<T>("DELETE", path, undefined, options),
};

export type Conditional<T> = { changed: false } | { changed: true; data: T; etag: string | null };

/** GET that costs nothing when the server's ETag is still `etag`. */
export async function getIfChanged<T>(
  path: string,
  etag: string | null,
  signal?: AbortSignal,
): Promise<Conditional<T>> {
  const init: RequestInit = { cache: "no-store" };
  if (etag) init.headers = { "If-None-Match": etag };
  if (signal) init.signal = signal;
  const response = await send("GET", path, init);
  if (response.status === 304) return { changed: false };
  return {
    changed: true,
    data: await readJson<T>(response),
    etag: response.headers.get("ETag"),
  };
}

/** POST a form and tell how much of it has left (0 to 1); fetch cannot say that. */
export function upload<T>(
  path: string,
  form: FormData,
  onProgress: (share: number) => void,
  signal?: AbortSignal,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", address(path));
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("X-CSRFToken", csrfToken());
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) onProgress(event.loaded / event.total);
    };
    request.onload = () => {
      const response = new Response(request.responseText || null, { status: request.status });
      readJson<T>(response).then(resolve, reject);
    };
    request.onerror = () => reject(networkError());
    request.onabort = () => reject(new DOMException("Upload stopped.", "AbortError"));
    signal?.addEventListener("abort", () => request.abort(), { once: true });
    request.send(form);
  });
}

/** Tell the server something while the page goes away; false if the browser would not take it. */
export function beacon(path: string, fields: Record<string, string>): boolean {
  const form = new FormData();
  form.set("csrfmiddlewaretoken", csrfToken());
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  return navigator.sendBeacon(address(path), form);
}
