/**
 * Sends every event of the runner to every subscriber, in order. One that falls far behind gets `resync`
 * instead.
 * @module
 */
import type { RunEvent } from "../runner.ts";

/** The most events that wait for a subscriber. Beyond that, one `resync` replaces them all. */
const QUEUE_MAX = 1024;

interface Subscriber {
  queue: RunEvent[];
  wake?: () => void;
}

/** Events of one runner. */
export class EventHub {
  readonly #subscribers = new Set<Subscriber>();
  #closed = false;

  /** Sends an event to every subscriber. */
  publish(event: RunEvent): void {
    for (const subscriber of this.#subscribers) {
      if (subscriber.queue.length < QUEUE_MAX) subscriber.queue.push(event);
      else subscriber.queue = [{ type: "resync" }];
      subscriber.wake?.();
    }
  }

  /** Ends every subscription. */
  close(): void {
    this.#closed = true;
    for (const subscriber of this.#subscribers) subscriber.wake?.();
  }

  /** `resync`, then every event from this call on, until the signal aborts or the hub closes. */
  subscribe(signal: AbortSignal): AsyncIterable<RunEvent> {
    const subscriber: Subscriber = { queue: [{ type: "resync" }] };
    this.#subscribers.add(subscriber);
    const onAbort = () => {
      this.#subscribers.delete(subscriber);
      subscriber.wake?.();
    };
    signal.addEventListener("abort", onAbort, { once: true });
    const hasEnded = () => signal.aborted || this.#closed;
    const drop = () => {
      signal.removeEventListener("abort", onAbort);
      this.#subscribers.delete(subscriber);
    };
    async function* events(): AsyncGenerator<RunEvent> {
      try {
        while (!hasEnded()) {
          const event = subscriber.queue.shift();
          if (event) yield event;
          else await new Promise<void>((resolve) => subscriber.wake = resolve);
        }
      } finally {
        drop();
      }
    }
    return events();
  }
}
