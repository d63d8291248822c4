import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { api, getIfChanged } from "./client";
import { ApiError } from "./errors";

interface Call {
  method: string;
  url: string;
  headers: Headers;
  body: unknown;
}

/** Answer the requests in order, and keep what was asked. */
function serve(...answers: (Response | Error)[]): Call[] {
  const calls: Call[] = [];
  vi.stubGlobal("fetch", async (url: string, init: RequestInit) => {
    const headers = new Headers(init.headers);
    calls.push({ method: init.method ?? "GET", url, headers, body: init.body });
    const answer = answers.shift() ?? new Response(null, { status: 500 });
    if (answer instanceof Error) throw answer;
    return answer;
  });
  return calls;
}

function json(body: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), { status, headers });
}

async function refusal(asked: Promise<unknown>): Promise<ApiError> {
  const error = await asked.then(
    () => null,
    (failure: unknown) => failure,
  );
  if (!(error instanceof ApiError)) throw new Error(`expected an ApiError, got ${String(error)}`);
  return error;
}

beforeEach(() => {
  // biome-ignore lint/suspicious/noDocumentCookie: as the server's page sets it.
  document.cookie = "csrftoken=secret";
});
afterEach(() => vi.unstubAllGlobals());

describe("a call", () => {
  test("proves with the CSRF header that it comes from our page", async () => {
    const calls = serve(json({ id: 1 }));

    expect(await api.post("projects/pantry/messages", { text: "hello" })).toEqual({ id: 1 });

    expect(calls[0]?.url).toBe("/api/v1/projects/pantry/messages");
    expect(calls[0]?.headers.get("X-CSRFToken")).toBe("secret");
    expect(calls[0]?.body).toBe('{"text":"hello"}');
  });

  test("takes a fresh cookie and tries once more where the old one is refused", async () => {
    const refused = json({ code: "csrf_failed", message: "CSRF Failed", detail: {} }, 403);
    const calls = serve(refused, json({}), json({ id: 2 }));

    expect(await api.post("projects/pantry/messages", {})).toEqual({ id: 2 });

    expect(calls.map((call) => call.url.replace("/api/v1/", ""))).toEqual([
      "projects/pantry/messages",
      "session",
      "projects/pantry/messages",
    ]);
  });

  test("a form goes as it is, so that the browser names its boundary", async () => {
    const calls = serve(json({}));
    await api.post("projects/pantry/predict", new FormData());

    expect(calls[0]?.headers.has("Content-Type")).toBe(false);
  });
});

describe("a refusal", () => {
  test("carries the server's code, words and detail", async () => {
    serve(json({ code: "assignment_expired", message: "Too late.", detail: { a: 1 } }, 409));

    const error = await refusal(api.get("x"));

    expect(error).toMatchObject({ code: "assignment_expired", message: "Too late.", status: 409 });
    expect(error.detail).toEqual({ a: 1 });
    expect(error.isTemporary).toBe(false);
  });

  test("a proxy's page is told by its status and is worth another try", async () => {
    serve(new Response("<h1>Bad gateway</h1>", { status: 502 }));

    const error = await refusal(api.get("x"));

    expect(error.code).toBe("http_502");
    expect(error.isTemporary).toBe(true);
  });

  test("no network is temporary", async () => {
    serve(new TypeError("failed to fetch"));

    const error = await refusal(api.get("x"));

    expect(error.code).toBe("network");
    expect(error.isTemporary).toBe(true);
  });

  test("an answer cut off half way is temporary too", async () => {
    serve(new Response('{"id":'));

    expect((await refusal(api.get("x"))).isTemporary).toBe(true);
  });

  test("a call given up stays an abort, not an error for people", async () => {
    serve(new DOMException("given up", "AbortError"));

    await expect(api.get("x")).rejects.toMatchObject({ name: "AbortError" });
  });
});

describe("a conditional call", () => {
  test("sends the tag it has and tells when nothing changed", async () => {
    const calls = serve(json({ n: 1 }, 200, { ETag: '"a"' }), new Response(null, { status: 304 }));

    const first = await getIfChanged<{ n: number }>("overview", null);
    const second = await getIfChanged("overview", '"a"');

    expect(first).toEqual({ changed: true, data: { n: 1 }, etag: '"a"' });
    expect(second).toEqual({ changed: false });
    expect(calls[1]?.headers.get("If-None-Match")).toBe('"a"');
  });
});
