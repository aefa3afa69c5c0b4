/**
 * Opens the store and connects its parts: all state of the daemon, durable in Deno KV and held in memory.
 * {@linkcode Store} in `contract.ts` is its interface. It knows nothing of HTTP, controllers or runners.
 * @module
 */
import { RuneError } from "../model/error.ts";
import type { Kind, Kinds } from "../model/resource.ts";
import { compactDatabase } from "./compact.ts";
import type { Change, HistoryEntry, Store, Tx, WatchOptions } from "./contract.ts";
import { HEAD, historyKey, valueKey, VALUES } from "./keys.ts";
import { cannotCopy, cannotRead, closedError, damagedStateError } from "./failures.ts";
import { copyDatabase, removeCopies } from "./copy.ts";
import { JournalTail, readJournal } from "./journal.ts";
import { type LoadedState, loadState } from "./load.ts";
import { lockDataDir } from "./lock.ts";
import { Log } from "./log.ts";
import { migrate, readSchema } from "./migrations.ts";
import { ensureDataDir, markMade, openState, removeRestored, statePath } from "./state_file.ts";
import { decode } from "./values.ts";
import { watchJournal } from "./watch.ts";
import { type Published, Writer } from "./writer.ts";

export type {
  Change,
  Changes,
  HistoryEntry,
  NewResource,
  Reader,
  Store,
  Tx,
  WatchOptions,
} from "./contract.ts";

/** A commit that takes longer hangs: even rewriting a large database takes less. */
const STUCK_MS = 5 * 60_000;

/** Where and how to open a store. */
export interface StoreOptions {
  /** Created if it is missing. */
  dataDir: string;
  /** How many specs to keep of each resource whose kind has history. Default: 10. */
  historyLimit?: number;
  /** How many changes to keep for watchers that resume. Default: 10,000. */
  journalLimit?: number;
  /** Default: the system's clock. */
  clock?: () => Date;
  /** Called after every attempt to commit. */
  onCommit?: (result: { ok: boolean; seconds: number }) => void;
}

/**
 * Opens the state in a data directory, and finishes what a killed process left half done.
 *
 * @throws {RuneError} `failed_precondition` if another process owns the directory, or if the directory or its
 * state cannot be used.
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  const { dataDir } = options;
  ensureDataDir(dataDir);
  using cleanup = new DisposableStack();
  cleanup.use(lockDataDir(dataDir));
  removeCopies(dataDir);
  const kv = cleanup.use(await openState(dataDir));
  try {
    const later: { held?: Disposable } = {};
    const store = await openStoreOn(kv, {
      ...options,
      held: { [Symbol.dispose]: () => later.held?.[Symbol.dispose]() },
    });
    markMade(dataDir);
    removeRestored(dataDir);
    later.held = cleanup.move();
    return store;
  } catch (error) {
    throw damagedStateError(statePath(dataDir), error);
  }
}

/**
 * Opens a store on an open database. The caller must own the data directory exclusively.
 *
 * @param options.held is disposed of together with the store: the database, and what else it needs.
 * @throws the database's error, or a {@linkcode RuneError} if the layout is newer.
 */
export async function openStoreOn(kv: Deno.Kv, options: StoreOptions & { held: Disposable }): Promise<Store> {
  await readSchema(kv);
  const log = await Log.open(kv);
  await migrate(kv);
  return new KvStore({ ...options, kv, log, loaded: await loadState(kv) });
}

interface Parts extends StoreOptions {
  kv: Deno.Kv;
  log: Log;
  loaded: LoadedState;
  /** The database and the lock. */
  held: Disposable;
}

class KvStore implements Store {
  readonly #kv: Deno.Kv;
  readonly #path: string;
  readonly #held: Disposable;
  readonly #loaded: LoadedState;
  readonly #tail: JournalTail;
  readonly #writer: Writer;
  readonly #listeners = new Set<(changes: Change[]) => void>();
  readonly #watchers = new Set<() => void>();
  #revision: number;
  #closing?: Promise<void>;

  constructor({ kv, log, loaded, held, ...options }: Parts) {
    const { historyLimit = 10, journalLimit = 10_000, clock = () => new Date(), onCommit } = options;
    this.#kv = kv;
    this.#path = statePath(options.dataDir);
    this.#held = held;
    this.#loaded = loaded;
    this.#revision = log.head.revision;
    this.#tail = new JournalTail(journalLimit);
    const publish = (group: Published) => this.#publish(group);
    this.#writer = new Writer({ kv, log, ...loaded, historyLimit, journalLimit, clock, onCommit, publish });
  }

  get revision(): number {
    return this.#revision;
  }

  get oldestRevision(): number {
    return this.#writer.oldest;
  }

  get<K extends Kind>(kind: K, namespace: string, name: string): Kinds[K] | undefined {
    return this.#loaded.committed.get(kind, namespace, name);
  }

  list<K extends Kind>(kind: K, namespace?: string): Kinds[K][] {
    return this.#loaded.committed.list(kind, namespace);
  }

  transact<T>(fn: (tx: Tx) => T): Promise<T> {
    return this.#writer.transact(fn);
  }

  subscribe(listener: (changes: Change[]) => void): () => void {
    // A new function each time, so that the same listener can subscribe twice and unsubscribe once.
    const own = (changes: Change[]) => listener(changes);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  watch(options: WatchOptions): AsyncIterable<Change> {
    if (this.#closing) throw closedError();
    return watchJournal({
      revision: () => this.#revision,
      oldestRevision: () => this.oldestRevision,
      isClosed: () => this.#closing !== undefined,
      findRecent: (revision) => this.#tail.at(revision),
      read: (range) => this.#readJournal(range),
      onAdvance: (listener) => {
        this.#watchers.add(listener);
        return () => this.#watchers.delete(listener);
      },
    }, options);
  }

  async history(kind: Kind, namespace: string, name: string): Promise<HistoryEntry[]> {
    const resource = this.get(kind, namespace, name);
    const kept = resource && this.#loaded.footprints.get(resource)?.history || [];
    const entries: HistoryEntry[] = [];
    for (const { generation } of kept.toReversed()) {
      const entry = await this.#read(historyKey(resource!.uid, generation));
      // Trimmed, or removed with its resource, since the list above was read.
      if (entry !== undefined) entries.push(entry as HistoryEntry);
    }
    return entries;
  }

  getMeta(key: string): Promise<unknown> {
    return this.#read(valueKey(key));
  }

  putMeta(key: string, value: unknown): Promise<void> {
    return this.#writer.putValue(key, JSON.stringify(value));
  }

  async metaKeys(prefix: string): Promise<string[]> {
    if (this.#closing) throw closedError();
    try {
      await this.#writer.waitUntilSettled();
      const entries = await Array.fromAsync(this.#kv.list({ prefix: VALUES }, { batchSize: 500 }));
      return entries.map(({ key }) => key[2] as string).filter((key) => key.startsWith(prefix));
    } catch (error) {
      throw cannotRead(error);
    }
  }

  compact(): Promise<void> {
    return this.#writer.runAlone(() => compactDatabase(this.#path));
  }

  async copyTo(target: string): Promise<void> {
    if (this.#closing) throw closedError();
    await this.#writer.waitUntilSettled();
    try {
      await copyDatabase(this.#path, target);
    } catch (error) {
      await Deno.remove(target).catch(() => {});
      throw cannotCopy(error);
    }
  }

  async check(): Promise<void> {
    if (this.#closing) throw closedError();
    if (this.#writer.busyMs > STUCK_MS) {
      throw new RuneError("unavailable", "the state has not been written for minutes", {
        hint: "check whether the disk of the data directory hangs",
      });
    }
    await this.#kv.get(HEAD).catch((error) => {
      throw cannotRead(error);
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#writer.close();
    for (const wake of this.#watchers) wake();
    this.#held[Symbol.dispose]();
  }

  #publish({ staged, values, revisions }: Published): void {
    staged.writeTo(this.#loaded.committed);
    for (const [key, blob] of values) this.#loaded.values.set(key, blob);
    for (const revision of revisions) {
      this.#tail.add(revision);
      this.#revision = revision.revision;
    }
    if (revisions.length > 0) this.#notify(revisions.flatMap(({ changes }) => changes));
    for (const wake of this.#watchers) wake();
  }

  #notify(changes: Change[]): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(changes);
      } catch (error) {
        // An error in a listener must not affect the commit or other listeners, and must not go unnoticed.
        reportError(error);
      }
    }
  }

  async #read(key: Deno.KvKey): Promise<unknown> {
    if (this.#closing) throw closedError();
    try {
      await this.#writer.waitUntilSettled();
      const { value } = await this.#kv.get(key);
      return value === null ? undefined : await decode(this.#kv, value);
    } catch (error) {
      throw cannotRead(error);
    }
  }

  async *#readJournal(range: { after: number; upTo: number }) {
    await this.#writer.waitUntilSettled();
    yield* readJournal(this.#kv, range);
  }
}
