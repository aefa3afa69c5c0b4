/**
 * Deadlines that hold even if the work ignores its signal. Libraries promise to stop on a signal and
 * sometimes do not: a request answered by `101`, a command on a hung filesystem. So the wait itself ends, by
 * its own timer.
 * @module
 */
import { startTimer, type Timer } from "../base/delay.ts";
import { RuneError } from "./error.ts";

/** See {@linkcode withDeadline}. */
export interface Deadline<T> {
  /** Milliseconds. */
  ms: number;
  /** The work, for the message: `mount of the driver local`. */
  what: string;
  /** Ends the wait early. */
  signal?: AbortSignal;
  /** How long work may take to stop in order after its signal aborts, in milliseconds. Default: 0. */
  graceMs?: number;
  /** Receives a result that arrives too late, which may need closing. */
  discard?(late: T): void;
}

/**
 * Waits for work until its deadline or the signal, whichever comes first. Then the signal passed to the work
 * aborts. After the work succeeds, that signal keeps following the caller's, because its result may live on.
 *
 * @throws {RuneError} `deadline_exceeded` (not permanent). Also the work's own error, or the reason of the
 * caller's signal.
 */
export async function withDeadline<T>(
  work: (signal: AbortSignal) => Promise<T>,
  { ms, what, signal, graceMs = 0, discard }: Deadline<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const limit = new AbortController();
  const lost = Promise.withResolvers<never>();
  let over = false;
  let late: RuneError | undefined;
  let grace: Timer | undefined;
  const end = (reason: unknown) => {
    const lose = () => {
      over = true;
      lost.reject(reason);
    };
    if (graceMs === 0) lose();
    else grace ??= startTimer(graceMs, lose);
    limit.abort(reason);
  };
  const timer = startTimer(ms, () => {
    late = new RuneError("deadline_exceeded", `${what} did not end within ${ms / 1000} s`, {
      hint: "Rune tries again; if it keeps happening, check whether a disk or another machine hangs",
    });
    end(late);
  });
  const abort = () => end(signal!.reason);
  signal?.addEventListener("abort", abort, { once: true });
  const working = Promise.try(work, signal ? AbortSignal.any([signal, limit.signal]) : limit.signal);
  // Nobody awaits the loser of the race: handle its error, and release what it opened.
  working.then((value) => over && discard?.(value), () => {});
  try {
    return await Promise.race([working, lost.promise]);
  } catch (error) {
    throw late ?? error;
  } finally {
    timer.clear();
    grace?.clear();
    signal?.removeEventListener("abort", abort);
  }
}
