/**
 * Keeps pauses and the starts of commands separate, per container.
 *
 * If the Engine freezes a container while it starts a command there, the unfinished command freezes too. On
 * cgroup v1 the Engine then waits for that command forever, and no longer answers about the container.
 * @module
 */
import { abortable } from "../../base/abortable.ts";
import { startDeadline } from "../../base/delay.ts";
import { KeyedLock } from "../../base/keyed_lock.ts";
import { transportError } from "./engine.ts";

/** How many milliseconds the Engine may take for a call that nobody waits for. */
const LEFT_MS = 60_000;

/** A call that must run alone on its container. */
export interface ExclusiveCall<T> {
  /** Describes the call: `pause the container`. */
  what: string;
  /** Ends the caller's wait. */
  signal: AbortSignal;
  /**
   * Makes the call. A request that changes something uses `limit`. The Engine carries it out even if the
   * caller has left, so the lock is kept until the answer is known.
   */
  work(limit: AbortSignal): Promise<T>;
  /** Receives an answer that arrives after the caller has left. */
  onLate?(value: T): void;
}

/** Runs the calls on one container one after another. */
export type PauseLock = <T>(containerId: string, call: ExclusiveCall<T>) => Promise<T>;

/**
 * Creates a lock for the containers of one Engine. @param options.closing aborts even calls that nobody waits
 * for.
 */
export function createPauseLock({ socket, closing }: { socket: string; closing: AbortSignal }): PauseLock {
  const locks = new KeyedLock();
  return async (containerId, { what, signal, work, onLate }) => {
    const answer = locks.run([containerId], {
      signal,
      async work() {
        using deadline = startDeadline(LEFT_MS);
        return await work(AbortSignal.any([closing, deadline.signal]));
      },
    });
    try {
      return await abortable(answer, signal, onLate);
    } catch (error) {
      throw signal.aborted ? transportError(signal.reason, { what, signal, socket }) : error;
    }
  };
}
