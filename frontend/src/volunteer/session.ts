import { signal } from "@preact/signals";
import { api } from "../api/client";
import type { Session } from "../api/types";

/** Who this browser is to the server; null until asked. */
export const session = signal<Session | null>(null);

export async function loadSession(signal?: AbortSignal): Promise<Session> {
  session.value = await api.get<Session>("session", { signal });
  return session.value;
}
