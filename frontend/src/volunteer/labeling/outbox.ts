import { type DBSchema, type IDBPDatabase, openDB } from "idb";
import type { AnswerBody, ImageRef } from "../../api/types";

/** An answer that the server has not confirmed yet; `body` is sent again byte for byte. */
export interface Unsent {
  key: string;
  /** Project and annotator: another person on this device never sends it. */
  owner: string;
  image: ImageRef;
  body: AnswerBody;
  savedAt: number;
  /** It was sent and no reply came: it may have arrived. */
  isUncertain?: boolean;
  /** Taken back while uncertain: the key of the undo that follows it as soon as it is certain. */
  takenBack?: string;
}

export interface Outbox {
  /** False where a reload would lose what is in it. */
  readonly isDurable: boolean;
  put(entry: Unsent): Promise<void>;
  remove(key: string): Promise<void>;
  /** Oldest first. */
  all(owner: string): Promise<Unsent[]>;
}

interface Schema extends DBSchema {
  outbox: { key: string; value: Unsent; indexes: { owner: string } };
}

const NAME = "larder";
const VERSION = 1;

function oldestFirst(entries: Unsent[]): Unsent[] {
  return entries.sort((a, b) => a.savedAt - b.savedAt);
}

class DurableOutbox implements Outbox {
  readonly isDurable = true;
  readonly #db: IDBPDatabase<Schema>;

  constructor(db: IDBPDatabase<Schema>) {
    this.#db = db;
  }

  async put(entry: Unsent): Promise<void> {
    await this.#db.put("outbox", entry);
  }

  async remove(key: string): Promise<void> {
    await this.#db.delete("outbox", key);
  }

  async all(owner: string): Promise<Unsent[]> {
    return oldestFirst(await this.#db.getAllFromIndex("outbox", "owner", owner));
  }
}

/** For browsers that refuse to store (some private windows). The page warns before it closes. */
export class MemoryOutbox implements Outbox {
  readonly isDurable = false;
  readonly #entries = new Map<string, Unsent>();

  async put(entry: Unsent): Promise<void> {
    this.#entries.set(entry.key, entry);
  }

  async remove(key: string): Promise<void> {
    this.#entries.delete(key);
  }

  async all(owner: string): Promise<Unsent[]> {
    return oldestFirst([...this.#entries.values()].filter((entry) => entry.owner === owner));
  }
}

export async function openOutbox(): Promise<Outbox> {
  try {
    const db = await openDB<Schema>(NAME, VERSION, {
      upgrade(database) {
        const store = database.createObjectStore("outbox", { keyPath: "key" });
        store.createIndex("owner", "owner");
      },
    });
    return new DurableOutbox(db);
  } catch (error) {
    if (error instanceof DOMException || error instanceof ReferenceError) return new MemoryOutbox();
    throw error;
  }
}
