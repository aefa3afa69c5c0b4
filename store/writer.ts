/**
 * The only writer. Transactions wait in a queue, and those that wait together share a commit, because its
 * fsync is expensive. Each has its own revision. No caller learns the outcome of a transaction before its
 * commit is decided.
 * @module
 */
import { RuneError } from "../model/error.ts";
import type { Reader, Tx } from "./contract.ts";
import { closedError } from "./failures.ts";
import { planTrim, type SizedRevision } from "./journal.ts";
import { valueKey } from "./keys.ts";
import type { Log } from "./log.ts";
import { type Footprints, persist } from "./persist.ts";
import { sizeOf } from "./redo.ts";
import { Overlay } from "./resource_index.ts";
import { type NetChange, Transaction } from "./transaction.ts";
import { type BlobRef, dropBlob, encode, type Mutation } from "./values.ts";

/** A group accepts no more transactions beyond these limits, which are well below those of a KV commit. */
const GROUP_MUTATIONS = 500;
const GROUP_BYTES = 320 * 1024;

/** What the writer works on. */
export interface WriterOptions {
  kv: Deno.Kv;
  log: Log;
  /** The committed state. */
  committed: Reader;
  footprints: Footprints;
  /** Values outside the resources, by key. */
  values: ReadonlyMap<string, BlobRef | undefined>;
  historyLimit: number;
  journalLimit: number;
  clock: () => Date;
  /** Called after every attempt to commit, with its duration. */
  onCommit?: (result: { ok: boolean; seconds: number }) => void;
  /** Makes a durable group visible. */
  publish(group: Published): void;
}

/** What one commit made durable. */
export interface Published {
  staged: Overlay;
  values: Map<string, BlobRef | undefined>;
  revisions: SizedRevision[];
}

/** Transactions that share a commit. */
interface Group extends Published {
  mutations: Mutation[];
  bytes: number;
}

interface Job {
  run(group: Group): unknown;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** See the module comment. */
export class Writer {
  readonly #options: WriterOptions;
  #queue: Job[] = [];
  #running?: Promise<void>;
  #closed = false;
  /** When the current commit began. */
  #busySince?: number;
  /** Journal entries up to this revision are being deleted. */
  #trimming = 0;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /** The oldest revision from which the journal on disk is complete. */
  get oldest(): number {
    return Math.max(this.#options.log.head.oldest, this.#trimming);
  }

  /** How long the current commit has taken, in milliseconds; 0 if there is none. */
  get busyMs(): number {
    return this.#busySince === undefined ? 0 : performance.now() - this.#busySince;
  }

  /** See {@linkcode Store.transact}. */
  transact<T>(fn: (tx: Tx) => T): Promise<T> {
    return this.#enqueue((group) => this.#execute(group, fn)) as Promise<T>;
  }

  /** Sets a value outside the resources, or deletes it if `json` is absent. It makes no revision. */
  putValue(key: string, json: string | undefined): Promise<void> {
    return this.#enqueue((group) => {
      const before = group.values.has(key) ? group.values.get(key) : this.#options.values.get(key);
      const now = json === undefined
        ? { mutations: [{ key: valueKey(key) }], blob: undefined }
        : encode(valueKey(key), json);
      add(group, [...dropBlob(before), ...now.mutations]);
      group.values.set(key, now.blob);
    }) as Promise<void>;
  }

  /** Runs `work` while no commit is in progress. */
  runAlone(work: () => void): Promise<void> {
    return this.#enqueue(() => work()) as Promise<void>;
  }

  /** Resolves when everything published has been applied on disk. */
  async waitUntilSettled(): Promise<void> {
    if (!this.#options.log.settled) await this.#enqueue(() => {});
  }

  /** Refuses new work, and resolves when the queue is empty. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
  }

  #enqueue(run: (group: Group) => unknown): Promise<unknown> {
    if (this.#closed) return Promise.reject(closedError());
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#queue.push({ run, resolve, reject });
    this.#running ??= this.#work();
    return promise;
  }

  async #work(): Promise<void> {
    // Wait one turn, so that what the caller queues next shares the first commit.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      this.#busySince = performance.now();
      try {
        await this.#workGroup();
      } catch (error) {
        // A bug in this file: fail the waiting transactions, but keep the writer usable.
        reportError(error);
        for (const job of this.#queue.splice(0)) job.reject(error);
      }
    }
    this.#busySince = undefined;
    this.#running = undefined;
  }

  /** Reports an attempt to commit. An error in the listener must not affect the commit. */
  #notify(result: { ok: boolean; seconds: number }): void {
    try {
      this.#options.onCommit?.(result);
    } catch (error) {
      reportError(error);
    }
  }

  async #workGroup(): Promise<void> {
    const { log, committed, publish } = this.#options;
    try {
      await log.settle();
    } catch (error) {
      for (const job of this.#queue.splice(0)) job.reject(error);
      return;
    }
    const group: Group = {
      staged: new Overlay(committed),
      values: new Map(),
      revisions: [],
      mutations: [],
      bytes: 0,
    };
    const jobs: Job[] = [];
    const outcomes: (() => void)[] = [];
    while (this.#queue.length > 0 && !isFull(group)) {
      const job = this.#queue.shift()!;
      jobs.push(job);
      outcomes.push(attempt(job, group));
    }
    const began = performance.now();
    const noteAttempt = (ok: boolean) => this.#notify({ ok, seconds: (performance.now() - began) / 1000 });
    try {
      if (group.mutations.length > 0) {
        const { revision, oldest, entries } = log.head;
        const added = group.revisions.reduce((sum, { changes }) => sum + changes.length, 0);
        await log.commit({
          mutations: group.mutations,
          head: { revision: revision + group.revisions.length, oldest, entries: entries + added },
          onLanding: () => publish(group),
        });
        noteAttempt(true);
      }
      for (const tell of outcomes) tell();
    } catch (error) {
      noteAttempt(false);
      for (const job of jobs) job.reject(error);
    }
    await this.#trim();
  }

  #execute<T>(group: Group, fn: (tx: Tx) => T): T {
    const { log, clock, footprints, historyLimit } = this.#options;
    const revision = log.head.revision + group.revisions.length + 1;
    const tx = new Transaction(group.staged, { now: clock().toISOString(), revision });
    let result: T;
    let touched: NetChange[];
    try {
      result = fn(tx);
    } finally {
      touched = tx.end();
    }
    if (result instanceof Promise) {
      result.catch(() => {});
      throw new RuneError("internal", "the function passed to transact() is asynchronous", {
        hint: "do all awaiting before the transaction",
      });
    }
    if (touched.length === 0) return result;
    const { mutations, changes, bytes } = persist(touched, { revision, footprints, historyLimit });
    tx.writeTo(group.staged);
    group.revisions.push({ revision, changes, bytes });
    add(group, mutations);
    return result;
  }

  async #trim(): Promise<void> {
    const { kv, log, journalLimit } = this.#options;
    try {
      const plan = await planTrim(kv, { head: log.head, limit: journalLimit });
      if (!plan) return;
      this.#trimming = plan.head.oldest;
      await log.commit({ ...plan, onLanding: () => {} });
    } catch {
      // Nobody waits for this, and the next commit tries again. Writers hear of a failing disk anyway.
    } finally {
      this.#trimming = 0;
    }
  }
}

function isFull({ mutations, bytes }: Group): boolean {
  return mutations.length >= GROUP_MUTATIONS || bytes >= GROUP_BYTES;
}

function add(group: Group, mutations: Mutation[]): void {
  for (const mutation of mutations) {
    group.mutations.push(mutation);
    group.bytes += sizeOf(mutation);
  }
}

/** Runs a job. Returns a function that settles the caller's promise once the group is decided. */
function attempt(job: Job, group: Group): () => void {
  try {
    const result = job.run(group);
    return () => job.resolve(result);
  } catch (error) {
    return () => job.reject(error);
  }
}
