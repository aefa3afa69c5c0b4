/** Wakes callers that wait for changes of a run. A ring between checking and waiting is not lost. @module */
import { startTimer } from "../../base/delay.ts";

/** Listens to one run's bell until disposed. */
export class Listener {
  #rung = false;
  #wake?: () => void;
  readonly #dispose: () => void;

  constructor(dispose: (listener: Listener) => void) {
    this.#dispose = () => dispose(this);
  }

  /** Wakes only this listener. */
  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  /** Resolves if it has rung since the last call, or after `ms` milliseconds if given. */
  async next(ms?: number): Promise<void> {
    if (!this.#rung) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      const timer = ms === undefined ? undefined : startTimer(ms, resolve);
      await promise;
      timer?.clear();
      this.#wake = undefined;
    }
    this.#rung = false;
  }

  [Symbol.dispose](): void {
    this.#dispose();
  }
}

/** One bell per run name. */
export class Bell {
  readonly #listeners = new Map<string, Set<Listener>>();

  /** Wakes all listeners of `name`. */
  ring(name: string): void {
    for (const listener of this.#listeners.get(name) ?? []) listener.ring();
  }

  /** Wakes all listeners. */
  ringAll(): void {
    for (const name of this.#listeners.keys()) this.ring(name);
  }

  /** Starts to listen. An abort of the signal rings too. */
  listen(name: string, signal?: AbortSignal): Listener {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners);
    const onAbort = () => listener.ring();
    const listener = new Listener((self) => {
      listeners.delete(self);
      if (listeners.size === 0 && this.#listeners.get(name) === listeners) this.#listeners.delete(name);
      signal?.removeEventListener("abort", onAbort);
    });
    listeners.add(listener);
    signal?.addEventListener("abort", onAbort);
    if (signal?.aborted) listener.ring();
    return listener;
  }
}
