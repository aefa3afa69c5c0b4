/**
 * Where a program gets its waits from. The system's are the default everywhere; a simulation puts timers of its own in their place,
 * whose time passes when it says so. Knows nothing of Rune.
 * @module
 */
import { startTimer, type Timer } from "./delay.ts";

/** See the module comment. */
export interface Timers {
  /** Milliseconds since some moment; nobody sets this clock. */
  now(): number;
  /** Calls `fire` once, when `ms` milliseconds have passed; `Infinity` never. */
  start(ms: number, fire: () => void): Timer;
  /** Resolves when everybody else who is ready to go on had a turn. */
  yieldTurn(): Promise<void>;
}

/** Real time. */
export const SYSTEM_TIMERS: Timers = {
  now: () => performance.now(),
  start: (ms, fire) => startTimer(ms, fire),
  yieldTurn: () => new Promise((resolve) => setTimeout(resolve, 0)),
};

/** Resolves when `ms` milliseconds have passed, or as soon as the signal aborts. */
export async function pauseOn(timers: Timers, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const end = () => resolve();
  const timer = timers.start(ms, end);
  signal.addEventListener("abort", end);
  await promise;
  timer.clear();
  signal.removeEventListener("abort", end);
}

/** Calls `fire` each time that `ms` milliseconds have passed, until it is ended. */
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
