/**
 * The source of a program's waits. By default that is the system; a simulation passes timers of its own,
 * whose time passes on command. Knows nothing of Rune.
 * @module
 */
import { startTimer, type Timer } from "./delay.ts";

/** See the module comment. */
export interface Timers {
  /** Milliseconds since an arbitrary moment, on a clock that nobody sets. */
  now(): number;
  /** Calls `fire` once, after `ms` milliseconds; never if `ms` is `Infinity`. */
  start(ms: number, fire: () => void): Timer;
  /** Resolves when everything else that is ready to run has had a turn. */
  yieldTurn(): Promise<void>;
}

/** Real time. */
export const SYSTEM_TIMERS: Timers = {
  now: () => performance.now(),
  start: (ms, fire) => startTimer(ms, fire),
  yieldTurn: () => new Promise((resolve) => setTimeout(resolve, 0)),
};

/** Resolves after `ms` milliseconds, or as soon as the signal aborts. */
export async function sleepOn(timers: Timers, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const end = () => resolve();
  const timer = timers.start(ms, end);
  signal.addEventListener("abort", end);
  await promise;
  timer.clear();
  signal.removeEventListener("abort", end);
}

/** Calls `fire` every `ms` milliseconds until it is stopped. */
export function repeatOn(timers: Timers, ms: number, fire: () => void): Timer {
  let timer: Timer;
  const wait = () => {
    timer = timers.start(ms, () => {
      wait();
      fire();
    });
  };
  wait();
  return { clear: () => timer.clear() };
}
