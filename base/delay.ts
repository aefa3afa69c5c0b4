/**
 * Timers for spans of any length. JavaScript's timers count milliseconds in 31 bits: a timer of more than
 * 24.8 days fires at once, without an error. These timers wait in parts instead. Knows nothing of Rune.
 *
 * A span that the source writes as a number, or as a constant of the same file, may go to `setTimeout` and
 * `AbortSignal.timeout`. Every other span comes here; `scripts/lint_timers.ts` checks that.
 * @module
 */

/** The longest wait of a JavaScript timer, in milliseconds. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** A running timer. */
export interface Timer {
  /** Stops it. Does nothing if it has already fired or stopped. */
  clear(): void;
}

/** How a timer waits. */
export interface TimerOptions {
  /** Whether the program may exit while it waits. Default: false. */
  unref?: boolean;
  /** The longest part of the wait. Default: {@linkcode MAX_TIMER_MS}. */
  partMs?: number;
}

/**
 * Calls `fire` once, after `ms` milliseconds; never if `ms` is `Infinity`.
 *
 * @throws {RangeError} if `ms` is NaN.
 */
export function startTimer(
  ms: number,
  fire: () => void,
  { unref = false, partMs = MAX_TIMER_MS }: TimerOptions = {},
): Timer {
  if (Number.isNaN(ms)) throw new RangeError("a timer needs a number of milliseconds");
  const due = performance.now() + ms;
  let id: ReturnType<typeof setTimeout>;
  const wait = (left: number) => {
    id = setTimeout(() => {
      const rest = due - performance.now();
      // JavaScript timers may fire up to a millisecond early.
      if (rest >= 1) wait(rest);
      else fire();
    }, Math.min(left, partMs));
    if (unref) Deno.unrefTimer(id);
  };
  wait(ms);
  return { clear: () => clearTimeout(id) };
}

/**
 * Resolves after `ms` milliseconds.
 *
 * @param options.signal ends the wait early: the promise rejects with the signal's reason.
 */
export async function sleep(
  ms: number,
  { signal, ...options }: TimerOptions & { signal?: AbortSignal } = {},
): Promise<void> {
  signal?.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = startTimer(ms, resolve, options);
  const abort = () => reject(signal!.reason);
  signal?.addEventListener("abort", abort, { once: true });
  try {
    await promise;
  } finally {
    timer.clear();
    signal?.removeEventListener("abort", abort);
  }
}

/** Resolves after `ms` milliseconds, or as soon as the signal aborts. */
export async function sleepQuietly(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, { signal }).catch((error) => {
    if (!signal.aborted) throw error;
  });
}

/** A time limit. `using` stops it; otherwise it aborts when the time is up. */
export interface Deadline extends Disposable {
  /** Aborts with a `TimeoutError` when the time is up. */
  readonly signal: AbortSignal;
}

/**
 * `AbortSignal.timeout` for spans of any length. Stop it when it is no longer needed: its timer may otherwise
 * run for weeks.
 */
export function startDeadline(ms: number, options: TimerOptions = {}): Deadline {
  const limit = new AbortController();
  const abortLate = () => limit.abort(new DOMException("Signal timed out.", "TimeoutError"));
  const timer = startTimer(ms, abortLate, options);
  return { signal: limit.signal, [Symbol.dispose]: () => timer.clear() };
}

/** Calls `fire` every `ms` milliseconds until it is stopped. */
export function repeat(ms: number, fire: () => void, options: TimerOptions = {}): Timer {
  let ended = false;
  let timer: Timer;
  const next = () => {
    timer = startTimer(ms, () => {
      if (ended) return;
      next();
      fire();
    }, options);
  };
  next();
  return {
    clear() {
      ended = true;
      timer.clear();
    },
  };
}
