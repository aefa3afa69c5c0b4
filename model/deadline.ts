/**
 * Deadlines that hold whatever is waited for. Libraries promise to end with a signal, and some do not: a request that is answered by
 * `101`, a command on a file system that hangs. So the wait itself ends, by a timer of its own.
 * @module
 */
import { startTimer, type Timer } from "../base/delay.ts";
import { RuneError } from "./error.ts";

/** See {@linkcode withDeadline}. */
export interface Deadline<T> {
  /** Milliseconds. */
  ms: number;
  /** What has not ended then, for the message: `mount of the driver local`. */
  what: string;
  /** Ends the wait before. */
  signal?: AbortSignal;
  /** What work that was told to end is given to do so in order, in milliseconds. Default 0. */
  graceMs?: number;
  /** Told of a result that comes when nobody waits for it any more, and may have to be closed. */
  discard?(late: T): void;
}

/**
 * Waits for work until its deadline or the signal, whichever comes first. The signal that the work is given aborts then, and goes on
 * to follow the caller's when the work has ended well: what it returned may live on.
 *
 * @throws {RuneError} `deadline_exceeded` (not permanent). What the work throws; the reason of the caller's signal.
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
      hint: "Rune tries again; if it goes on, look whether a disk or another machine hangs",
    });
    end(late);
  });
  const abort = () => end(signal!.reason);
  signal?.addEventListener("abort", abort, { once: true });
  const working = Promise.try(work, signal ? AbortSignal.any([signal, limit.signal]) : limit.signal);
  // Nobody hears the loser of the race: neither its error nor what it opened may be left behind.
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
