import { api, beacon } from "../../api/client";
import type {
  AnnotationKind,
  Answered,
  Assignment,
  Claimed,
  Confirmed,
  ImageRef,
  LabelingPage,
  Undone,
} from "../../api/types";
import { uuid } from "../../shared/uuid";
import type { Past, Transport } from "./queueState";

const CLIENT = "larder-client";

/** This tab's name to the server: the same after a reload, another in another tab. */
export function clientId(): string {
  try {
    const known = sessionStorage.getItem(CLIENT);
    if (known) return known;
    const made = uuid();
    sessionStorage.setItem(CLIENT, made);
    return made;
  } catch (error) {
    if (error instanceof DOMException) return uuid(); // Storage switched off: a name for this visit.
    throw error;
  }
}

export function httpTransport(slug: string, client: string): Transport {
  const base = `projects/${slug}`;
  return {
    claim: (count) => api.post<Claimed>(`${base}/assignments`, { client, count }),
    answer: (body) => api.post<Answered>(`${base}/annotations`, body),
    undo: (annotation, key) =>
      api.post<Undone>(`${base}/annotations/${annotation}/undo`, { key, client }),
    renew: () => api.post<{ expires_at: string }>(`${base}/assignments/renew`, { client }),
    release: () => {
      // Nobody knows whether the page is closed or loaded anew: for a moment its images stay.
      beacon(`${base}/assignments/release`, { client, may_return: "true" });
    },
  };
}

export interface Grid {
  ticked: { assignment: string; key: string }[];
  unticked: string[];
  time_spent_ms: number;
}

/** The grid of images nearly the same as an answered one; `client` is a name of its own. */
export function alikeTransport(slug: string, annotation: string, client: string) {
  const base = `projects/${slug}/annotations/${annotation}/alike`;
  return {
    claim: (signal: AbortSignal) =>
      api.post<{ assignments: Assignment[] }>(base, { client }, { signal }),
    confirm: (grid: Grid) => api.post<Confirmed>(`${base}/answer`, { client, ...grid }),
    release: () => {
      beacon(`projects/${slug}/assignments/release`, { client });
    },
  };
}

export function loadLabeling(slug: string, signal?: AbortSignal): Promise<LabelingPage> {
  return api.get<LabelingPage>(`projects/${slug}/labeling`, { signal });
}

interface Mine {
  id: string;
  kind: AnnotationKind;
  labels: string[];
  image: ImageRef;
  created_at: string;
}

/** This annotator's last answers, oldest first: what undo can reach after a reload. */
export async function loadPast(slug: string, signal?: AbortSignal): Promise<Past[]> {
  const answer = await api.get<Mine[] | { results: Mine[] }>(
    `projects/${slug}/annotations?mine=1`,
    { signal },
  );
  const mine = Array.isArray(answer) ? answer : answer.results;
  return [...mine]
    .sort((a, b) => a.created_at.localeCompare(b.created_at))
    .map(({ id, kind, labels, image }) => ({
      key: id,
      image,
      kind,
      labels,
      annotation: id,
      assignment: null,
      sentence: null,
      practice: null,
    }));
}
