/** Locks by name inside one process: calls that could clash run one after another. Knows nothing of Rune. @module */
import { abortable } from "./abortable.ts";

/** What is run under a lock. */
export interface LockedWork<T> {
  /** Ends the wait for the lock; work that has begun is not disturbed. */
  signal: AbortSignal;
  /** What waits, as a noun: `snapshot of volume default/web`. */
  what: string;
  work: () => Promise<T>;
}

/** Runs work under named locks, in the order of the calls; different names do not wait for each other. */
export class KeyedLock {
  readonly #tails = new Map<string, Promise<void>>();
  readonly #toError: (what: string, signal: AbortSignal) => Error;

  /** @param toError makes the error of a wait that its signal ended. */
  constructor(toError: (what: string, signal: AbortSignal) => Error) {
    this.#toError = toError;
  }

  /**
   * Runs `options.work` while holding every key. Keys are taken in the order given: callers that take several must agree on one.
   *
   * @throws what the lock was told to throw, when the signal aborts while waiting; `work` is not run then.
   */
  async run<T>(keys: string[], options: LockedWork<T>): Promise<T> {
    const [key, ...rest] = keys;
    if (key === undefined) return await options.work();
    const before = this.#tails.get(key) ?? Promise.resolve();
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const tail = before.then(() => released).then(() => {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    });
    this.#tails.set(key, tail);
    try {
      await this.#turn(before, options);
      return await this.run(rest, options);
    } finally {
      release();
    }
  }

  async #turn(before: Promise<void>, { signal, what }: LockedWork<unknown>): Promise<void> {
    try {
      await abortable(before, signal);
    } catch {
      throw this.#toError(what, signal);
    }
  }
}
