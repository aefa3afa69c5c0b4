/**
 * Passes keys on to listeners. A key that a listener has not read yet is queued only once, however often it
 * arrives.
 * @module
 */

/** See the module comment. A listener's queue holds each key at most once. */
export interface KeyFeed<Key> {
  /** Passes a key on to every current listener. */
  add(key: Key): void;
  /** The keys that arrive after the first `next`, until the signal aborts. */
  listen(signal: AbortSignal): AsyncIterable<Key>;
}

/** Creates a feed without listeners. */
export function createKeyFeed<Key>(): KeyFeed<Key> {
  const listeners = new Set<{ waiting: Set<Key>; wake: () => void }>();

  async function* listen(signal: AbortSignal): AsyncGenerator<Key> {
    const listener = { waiting: new Set<Key>(), wake: () => {} };
    const wake = () => listener.wake();
    listeners.add(listener);
    signal.addEventListener("abort", wake);
    try {
      while (!signal.aborted) {
        const [first] = listener.waiting;
        if (listener.waiting.size === 0) {
          await new Promise<void>((resolve) => void (listener.wake = resolve));
          continue;
        }
        listener.waiting.delete(first as Key);
        yield first as Key;
      }
    } finally {
      listeners.delete(listener);
      signal.removeEventListener("abort", wake);
    }
  }

  return {
    add(key) {
      for (const listener of listeners) {
        listener.waiting.add(key);
        listener.wake();
      }
    },
    listen,
  };
}
