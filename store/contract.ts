/**
 * What the rest of the program may know of the store: reads, transactions, changes. How any of it is kept is
 * the business of the other files of this folder.
 * @module
 */
import type { AnyResource, Kind, Kinds, ResourceKey } from "../model/resource.ts";

/** What makes a new resource; the store adds uid, generation, version and times. */
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

/** What an update replaces, part by part; an absent part stays as it is. */
export interface Changes<K extends Kind> {
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
  /** A spec that differs bumps the generation. */
  spec?: Kinds[K]["spec"];
  /** Bumps it also where the spec does not differ. */
  bumpGeneration?: true;
  status?: Kinds[K]["status"];
  /** RFC 3339. */
  deletionRequestedAt?: string;
  /** A new name, in the same namespace: uid, generation and history stay. */
  name?: string;
}

/** Synchronous reads; what they return is deep-frozen. */
export interface Reader {
  get<K extends Kind>(kind: K, namespace: string, name: string): Kinds[K] | undefined;
  /** All of a kind, or those of one namespace, sorted by namespace, then name. */
  list<K extends Kind>(kind: K, namespace?: string): Kinds[K][];
}

/** A transaction: reads see what it staged itself. It ends when its function returns. */
export interface Tx extends Reader {
  /** The time of this transaction, RFC 3339. */
  readonly now: string;
  /** @throws {RuneError} `already_exists`; `invalid_argument` for a name that cannot be a key. */
  create<K extends Kind>(resource: NewResource<K>): Kinds[K];
  /**
   * Applies changes to the current state of the resource with this key and uid. When nothing differs, the
   * current object comes back and nothing is written.
   *
   * @param options.ifVersion refuse unless this is the current resourceVersion.
   * @throws {RuneError} `not_found`; `conflict` for another uid or version; `already_exists` when a new name
   * is taken.
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
 * One resource changed. Within a revision deletes come before puts, so that a rename or swap reads in order.
 */
export interface Change {
  revision: number;
  type: "put" | "delete";
  /** The new state; for a delete the last one. */
  resource: AnyResource;
  /** The state before, for in-process subscribers only. */
  previous?: AnyResource;
  /**
   * More changes of the same revision follow to this watcher. A stream that is to be resumed may call a
   * revision seen only after a change without it.
   */
  more?: true;
}

/** A spec that was accepted once. */
export interface HistoryEntry {
  generation: number;
  spec: unknown;
  /** RFC 3339. */
  at: string;
  /** Who wrote it; absent for what an earlier version wrote. */
  by?: string;
}

/** What a watcher wants to see. */
export interface WatchOptions {
  /** All kinds when absent. */
  kinds?: Kind[];
  /** All namespaces when absent. */
  namespace?: string;
  /** The last revision already seen; from now on when absent. */
  since?: number;
  /** Ends the watch quietly, also while it waits. */
  signal: AbortSignal;
}

/** All state of the daemon. Reads answer from memory and always show a committed revision. */
export interface Store extends Reader {
  /** Revision of the last commit, 0 before the first. */
  readonly revision: number;
  /** The smallest `since` that `watch` can still resume from. */
  readonly oldestRevision: number;
  /**
   * Runs `fn` in the writer queue and resolves to what it returned, once what it staged is durable. What `fn`
   * throws rejects this transaction alone and stages nothing.
   *
   * @throws {RuneError} `unavailable` when the state cannot be written, or the store is closed.
   */
  transact<T>(fn: (tx: Tx) => T): Promise<T>;
  /**
   * Calls back after each commit, in order, before `transact` resolves. Returns the function that ends it.
   */
  subscribe(listener: (changes: Change[]) => void): () => void;
  /**
   * Changes with a revision above `since`, each once and in order. A watcher holds a position, not a buffer:
   * one so slow that the journal was trimmed past it ends with `gone`.
   *
   * @throws {RuneError} `gone` at once when `since` is older than `oldestRevision` or was never reached.
   */
  watch(options: WatchOptions): AsyncIterable<Change>;
  /** Accepted specs of a resource, newest first; empty for kinds without history. */
  history(kind: Kind, namespace: string, name: string): Promise<HistoryEntry[]>;
  /** A value of the daemon's own, outside resources and revisions; undefined when there is none. */
  getMeta(key: string): Promise<unknown>;
  /** Keeps a JSON value; `undefined` removes it. */
  putMeta(key: string, value: unknown): Promise<void>;
  /** Keys of the daemon's own values that begin with `prefix`. */
  metaKeys(prefix: string): Promise<string[]>;
  /** Rewrites the database, so that nothing deleted is left in its file; writes wait meanwhile. */
  compact(): Promise<void>;
  /**
   * Writes a copy of the whole state as it is at one moment, which a store can be opened on.
   *
   * @param target of the file to make.
   * @throws {RuneError} `unavailable` when the disk has no room for it.
   */
  copyTo(target: string): Promise<void>;
  /** @throws {RuneError} `unavailable` when the state cannot be read. */
  check(): Promise<void>;
  /** Finishes queued writes, ends watches, releases the state and the lock. Done when closed already. */
  close(): Promise<void>;
}
