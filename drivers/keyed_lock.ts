/** Locks by name inside one process: calls that could clash run one after another. @module */
import { abortError } from "./host_error.ts";

/** Runs work under named locks, in the order of the calls; different names do not wait for each other. */
export class KeyedLock {
  readonly #tails = new Map<string, Promise<void>>();

  /**
   * Runs `options.work` while holding every key. Keys are taken in the order given: callers that take several must agree on one.
   *
   * @throws {RuneError} as {@linkcode abortError} says, when the signal aborts while waiting; `work` is not run then.
   */
  async run<T>(
    keys: string[],
    options: { signal: AbortSignal; what: string; work: () => Promise<T> },
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
      await turn(before, options);
      return await this.run(rest, options);
    } finally {
      release();
    }
  }
}

async function turn(before: Promise<void>, options: { signal: AbortSignal; what: string }): Promise<void> {
  const { signal, what } = options;
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(abortError(what, signal));
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort);
  try {
    await Promise.race([aborted, before]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
