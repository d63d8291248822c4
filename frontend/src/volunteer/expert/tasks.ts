/** What an expert does here: settle what waits, or choose gold references. One page for both. */
import { ApiError, api } from "../../api/client";
import type {
  AnnotationKind,
  Decided,
  ExpertBatch,
  GoldCandidates,
  GoldSet,
  ImageRef,
  Said,
} from "../../api/types";
import { uuid } from "../../shared/uuid";
import { BATCH } from "./round";

export type TaskName = "settle" | "gold";

export interface Batch {
  images: ImageRef[];
  left: number;
}

export interface Decision {
  /** Null where it is a reference alone: nothing was asked. */
  annotation: string | null;
  image: ImageRef;
  kind: AnnotationKind;
  label: string | null;
  /** All of them where a picture may show several things. */
  labels?: readonly string[];
  /** What people had said. */
  answers: readonly Said[];
  mayBeGold: boolean;
  isGold: boolean;
  note: string;
}

export interface Task {
  name: TaskName;
  /** What waits behind an image; from the beginning with null. */
  ask(after: string | null, signal?: AbortSignal): Promise<Batch>;
  /** How many this expert has done before. */
  done(signal?: AbortSignal): Promise<number>;
  decide(
    image: ImageRef,
    kind: AnnotationKind,
    label: string | null,
    labels?: readonly string[],
  ): Promise<{ decision: Decision; left: number | null }>;
  takeBack(decision: Decision): Promise<void>;
}

export function taskOf(name: TaskName, slug: string): Task {
  return name === "gold" ? goldTask(slug) : settleTask(slug);
}

function query(after: string | null): URLSearchParams {
  return new URLSearchParams({ count: String(BATCH), ...(after && { after }) });
}

function batchOf({ items, left }: GoldCandidates): Batch {
  return { images: items.map((item) => item.image), left };
}

function settleTask(slug: string): Task {
  const base = `projects/${slug}/expert`;
  const load = (after: string | null, signal?: AbortSignal) =>
    api.get<ExpertBatch>(`${base}?${query(after)}`, { signal });
  return {
    name: "settle",
    ask: async (after, signal) => batchOf(await load(after, signal)),
    done: async (signal) => (await load(null, signal)).settled_by_you,
    async decide(image, kind, label, labels = []) {
      const said = labels.length > 1 ? { kind, labels } : { kind, label };
      const done = await api.post<Decided>(`${base}/${image.id}`, said);
      const decision = {
        annotation: done.annotation.id,
        image,
        kind,
        label,
        labels,
        answers: done.answers,
        mayBeGold: kind === "LABEL" && (done.gold?.may_be_gold ?? false),
        isGold: done.gold?.is_gold ?? false,
        note: "",
      };
      return { decision, left: done.left };
    },
    async takeBack({ annotation, image, isGold }) {
      // A reference rests on the word that is taken back.
      if (isGold) await withdraw(slug, image);
      const path = `projects/${slug}/annotations/${annotation}/undo`;
      await api.post(path, { key: uuid() });
    },
  };
}

function goldTask(slug: string): Task {
  return {
    name: "gold",
    ask: async (after, signal) =>
      batchOf(
        await api.get<GoldCandidates>(`projects/${slug}/gold-candidates?${query(after)}`, {
          signal,
        }),
      ),
    done: async (signal) => {
      const batch = await api.get<ExpertBatch>(`projects/${slug}/expert?count=1`, { signal });
      return batch.gold_by_you ?? 0;
    },
    async decide(image, kind, label, labels = []) {
      if (label === null) throw new TypeError("A reference is a label.");
      await setGold(slug, image, [label, ...labels.slice(1)], "");
      const said = { annotation: null, image, kind, label, labels, answers: [] };
      return { decision: { ...said, mayBeGold: true, isGold: true, note: "" }, left: null };
    },
    takeBack: ({ image }) => withdraw(slug, image),
  };
}

/** Make an image gold, of all the labels it shows, or change the note of its reference. */
export async function setGold(
  slug: string,
  image: ImageRef,
  labels: readonly string[],
  note: string,
): Promise<void> {
  const [label, ...further] = labels;
  const also = further.length > 0 && { further };
  const references = [{ image: image.id, label, ...also, note: note.trim() }];
  const { results } = await api.post<GoldSet>(`projects/${slug}/gold`, { references });
  const [one] = results;
  if (one?.status !== "refused") return;
  throw new ApiError(one.code ?? "refused", one.message ?? "It was refused.", 409);
}

async function withdraw(slug: string, image: ImageRef): Promise<void> {
  await api.post(`projects/${slug}/gold/withdraw`, { images: [image.id] });
}
