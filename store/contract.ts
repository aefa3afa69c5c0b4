/**
 * The interface of the store: reads, transactions and changes. The other files of this folder implement it.
 * @module
 */
import type { AnyResource, Kind, Kinds, ResourceKey } from "../model/resource.ts";

/** A resource to create. The store adds uid, generation, version and times. */
export interface NewResource<K extends Kind> {
  kind: K;
  /** Empty for cluster-scoped kinds. */
  namespace: string;
  name: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
  spec: Kinds[K]["spec"];
  status: Kinds[K]["status"];
}

/** The parts that an update replaces. Absent parts stay as they are. */
export interface Changes<K extends Kind> {
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
  /** A different spec bumps the generation. */
  spec?: Kinds[K]["spec"];
  /** Bump the generation even if the spec is the same. */
  bumpGeneration?: true;
  status?: Kinds[K]["status"];
  /** RFC 3339. */
  deletionRequestedAt?: string;
  /** A new name in the same namespace. Uid, generation and history stay. */
  name?: string;
}

/** Synchronous reads. Results are deeply frozen. */
export interface Reader {
  get<K extends Kind>(kind: K, namespace: string, name: string): Kinds[K] | undefined;
  /** All resources of a kind, or those of one namespace, sorted by namespace and name. */
  list<K extends Kind>(kind: K, namespace?: string): Kinds[K][];
}

/** A transaction. Its reads see its own staged writes. It ends when its function returns. */
export interface Tx extends Reader {
  /** The time of this transaction, RFC 3339. */
  readonly now: string;
  /** @throws {RuneError} `already_exists`, or `invalid_argument` for a name that cannot be a key. */
  create<K extends Kind>(resource: NewResource<K>): Kinds[K];
  /**
   * Applies changes to the current state of the resource with this key and uid. If nothing differs, it
   * returns the current object and writes nothing.
   *
   * @param options.ifVersion fails unless this is the current resourceVersion.
   * @throws {RuneError} `not_found`; `conflict` for another uid or version; `already_exists` if a new name is
   * taken.
   */
  update<K extends Kind>(
    resource: Kinds[K],
    changes: Changes<K>,
    options?: { ifVersion?: number },
  ): Kinds[K];
  /** @throws {RuneError} `not_found`. */
  remove(key: ResourceKey): void;
}

/**
 * A change of one resource. Within a revision, deletes come before puts, so that renames and swaps read in
 * order.
 */
export interface Change {
  revision: number;
  type: "put" | "delete";
  /** The new state, or the last state of a deleted resource. */
  resource: AnyResource;
  /** The former state, only for subscribers in this process. */
  previous?: AnyResource;
  /**
   * More changes of the same revision follow. A stream that may resume must not record a revision as seen
   * until a change without this flag.
   */
  more?: true;
}

/** A spec that was once accepted. */
export interface HistoryEntry {
  generation: number;
  spec: unknown;
  /** RFC 3339. */
  at: string;
  /** Who wrote it; absent if an earlier version of Rune did. */
  by?: string;
}

/** What a watcher wants to see. */
export interface WatchOptions {
  /** Default: all kinds. */
  kinds?: Kind[];
  /** Default: all namespaces. */
  namespace?: string;
  /** The last revision already seen. Default: the current one. */
  since?: number;
  /** Ends the watch without an error, also while it waits. */
  signal: AbortSignal;
}

/** All state of the daemon. Reads are answered from memory and always show a committed revision. */
export interface Store extends Reader {
  /** Revision of the last commit; 0 before the first. */
  readonly revision: number;
  /** The smallest `since` that `watch` can still resume from. */
  readonly oldestRevision: number;
  /**
   * Runs `fn` in the writer's queue and resolves to its result once the staged writes are durable. If `fn`
   * throws, only this transaction rejects, and it writes nothing.
   *
   * @throws {RuneError} `unavailable` if the state cannot be written, or the store is closed.
   */
  transact<T>(fn: (tx: Tx) => T): Promise<T>;
  /**
   * Calls back after each commit, in order, before `transact` resolves. Returns a function that unsubscribes.
   */
  subscribe(listener: (changes: Change[]) => void): () => void;
  /**
   * Changes with a revision above `since`, each once and in order. A watcher has a position, not a buffer: if
   * it is so slow that the journal is trimmed past it, it ends with `gone`.
   *
   * @throws {RuneError} `gone` at once if `since` is older than `oldestRevision` or lies in the future.
   */
  watch(options: WatchOptions): AsyncIterable<Change>;
  /** Accepted specs of a resource, newest first; empty for kinds without history. */
  history(kind: Kind, namespace: string, name: string): Promise<HistoryEntry[]>;
  /** A value of the daemon's own, outside resources and revisions; undefined if there is none. */
  getMeta(key: string): Promise<unknown>;
  /** Stores a JSON value; `undefined` removes it. */
  putMeta(key: string, value: unknown): Promise<void>;
  /** Keys of the daemon's own values that begin with `prefix`. */
  metaKeys(prefix: string): Promise<string[]>;
  /** Rewrites the database, so that nothing deleted remains in its file. Writes wait meanwhile. */
  compact(): Promise<void>;
  /**
   * Writes a consistent copy of the whole state, on which a store can be opened.
   *
   * @param target the file to create.
   * @throws {RuneError} `unavailable` if the disk has no room for it.
   */
  copyTo(target: string): Promise<void>;
  /** @throws {RuneError} `unavailable` if the state cannot be read. */
  check(): Promise<void>;
  /**
   * Finishes queued writes, ends watches, and releases the state and the lock. Does nothing if already
   * closed.
   */
  close(): Promise<void>;
}
