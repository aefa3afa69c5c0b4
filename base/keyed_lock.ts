/**
 * Locks by name within one process: work that could clash runs one after another. Knows nothing of Rune.
 * @module
 */
import { abortable } from "./abortable.ts";

/** Runs work under named locks, in the order of the calls. Different names do not wait for each other. */
export class KeyedLock {
  readonly #tails = new Map<string, Promise<void>>();

  /**
   * Runs `options.work` while holding every key. It takes the keys in order, so callers that take several
   * must agree on an order.
   *
   * @param options.signal ends the wait for the keys; `work` then does not run.
   * @returns the work's result.
   * @throws the work's error, or the signal's reason if it aborts during the wait.
   */
  async run<T>(
    keys: string[],
    options: { work: () => T | Promise<T>; signal?: AbortSignal },
  ): Promise<T> {
    const [key, ...rest] = keys;
    if (key === undefined) return await options.work();
    const before = this.#tails.get(key) ?? Promise.resolve();
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const tail = before.then(() => released).then(() => {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    });
    this.#tails.set(key, tail);
    try {
      await (options.signal ? abortable(before, options.signal) : before);
      return await this.run(rest, options);
    } finally {
      release();
    }
  }

  /** Resolves when nobody holds a key or waits for one. */
  async waitForIdle(): Promise<void> {
    while (this.#tails.size > 0) await Promise.all(this.#tails.values());
  }
}
