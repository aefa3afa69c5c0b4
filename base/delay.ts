/**
 * Timers for spans of any length. A timer of JavaScript counts in 31 bits: one of more than 24.8 days fires at once instead, and
 * without a word. These wait in parts. Knows nothing of Rune.
 *
 * A span that is written in the source as a number, or as a constant of the same file, may go to `setTimeout` and
 * `AbortSignal.timeout`; every other one comes here. `scripts/lint_timers.ts` holds the tree to that.
 * @module
 */

/** The longest that a timer of JavaScript can wait, in milliseconds. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** A timer that was started. */
export interface Timer {
  /** Ends it; nothing happens where it has fired or was ended. */
  clear(): void;
}

/** How a timer waits. */
export interface TimerOptions {
  /** Whether the program may end while it waits. Default: no. */
  unref?: boolean;
  /** The longest part of the wait. Default: {@linkcode MAX_TIMER_MS}. */
  partMs?: number;
}

/**
 * Calls `fire` once, when `ms` milliseconds have passed; `Infinity` never.
 *
 * @throws {RangeError} for NaN, which no span is.
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
      // A timer may be early by less than a millisecond.
      if (rest >= 1) wait(rest);
      else fire();
    }, Math.min(left, partMs));
    if (unref) Deno.unrefTimer(id);
  };
  wait(ms);
  return { clear: () => clearTimeout(id) };
}

/**
 * Resolves when `ms` milliseconds have passed.
 *
 * @param options.signal ends the wait before: it rejects with the signal's reason.
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

/** Resolves when `ms` milliseconds have passed, or as soon as the signal aborts. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, { signal }).catch((error) => {
    if (!signal.aborted) throw error;
  });
}

/** A limit of time; ended by `using`, or by the time itself. */
export interface Deadline extends Disposable {
  /** Aborts with a `TimeoutError` when the time is up. */
  readonly signal: AbortSignal;
}

/** What `AbortSignal.timeout` is for a span of any length. It has to be ended, since a timer that may wait for weeks is held for weeks. */
export function startDeadline(ms: number, options: TimerOptions = {}): Deadline {
  const limit = new AbortController();
  const late = () => limit.abort(new DOMException("Signal timed out.", "TimeoutError"));
  const timer = startTimer(ms, late, options);
  return { signal: limit.signal, [Symbol.dispose]: () => timer.clear() };
}

/** Calls `fire` each time that `ms` milliseconds have passed, until it is ended. */
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
