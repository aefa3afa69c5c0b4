/**
 * Keeps pauses and the starts of commands apart, per container.
 *
 * If the Engine freezes a container while it starts a command there, the half-made command freezes too. On
 * cgroup v1 the Engine then waits for that command forever, and answers nothing more about the container.
 * @module
 */
import { abortable } from "../../base/abortable.ts";
import { startDeadline } from "../../base/delay.ts";
import { KeyedLock } from "../../base/keyed_lock.ts";
import { transportError } from "./engine.ts";

/** Milliseconds that the Engine may take for a call that nobody waits for any more. */
const LEFT_MS = 60_000;

/** A call that must not run beside another one on the same container. */
export interface ExclusiveCall<T> {
  /** What the call does: `pause the container`. */
  what: string;
  /** Ends the caller's wait. */
  signal: AbortSignal;
  /**
   * Does it. A request that changes something goes by `limit`: the Engine carries it out also when the
   * caller has left, so the lock is held until the answer is known.
   */
  work(limit: AbortSignal): Promise<T>;
  /** Receives an answer that comes after the caller has left. */
  onLate?(value: T): void;
}

/** Runs the calls on one container one after another. */
export type PauseLock = <T>(containerId: string, call: ExclusiveCall<T>) => Promise<T>;

/** Makes a lock for the containers of one Engine. @param options.closing ends also what nobody waits for. */
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
