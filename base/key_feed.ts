/**
 * Tells listeners of keys as they come. A key that a listener has not taken yet waits once, however often it
 * comes.
 * @module
 */

/** See the module comment. What waits for a listener is at most one of each key. */
export interface KeyFeed<Key> {
  /** Tells everybody who listens now. */
  add(key: Key): void;
  /** The keys that come from the first `next` on, until the signal aborts. */
  listen(signal: AbortSignal): AsyncIterable<Key>;
}

/** A feed that nobody listens to yet. */
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
