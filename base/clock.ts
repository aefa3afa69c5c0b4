/**
 * How long ago something was, on a clock that may be set. What is stored carries the time of day; a timeout must not depend on
 * somebody who sets that. A clock notices when it was set while this daemon runs, and a {@linkcode Moment} brings that along.
 * @module
 */

/** The clock was set. */
export interface ClockStep {
  /** What it showed at most before, and at least after, in milliseconds since 1970. */
  until: number;
  from: number;
  /** By how much; below 0 it was set back. */
  byMs: number;
}

/** A time of day that knows how the clock was set before. A plain `Date` is one of a clock that never was. */
export interface Moment extends Date {
  readonly clock?: {
    /** Oldest first. */
    readonly steps: readonly ClockStep[];
    /** How long this clock has been watched. */
    readonly watchedMs: number;
  };
}

/** Tells the time. */
export interface Clock {
  now(): Moment;
}

/** Less is noise between two clocks, or the slow correction of one. */
const STEP_MS = 1000;
/** Older ones concern nobody any more. */
const MOST_STEPS = 50;
/** What others wrote down may be ahead by this much. */
const SLACK_MS = 1000;

/**
 * Watches the clock from now on.
 *
 * @param options.wall the time of day, and `steady`, which is never set; both in milliseconds.
 */
export function createClock(options: { wall?(): number; steady?(): number } = {}): Clock {
  const { wall = Date.now, steady = () => performance.now() } = options;
  const began = steady();
  let last = { steady: began, ahead: wall() - began };
  let steps: readonly ClockStep[] = [];
  return {
    now() {
      const at = steady();
      const shown = wall();
      const ahead = shown - at;
      const byMs = ahead - last.ahead;
      if (Math.abs(byMs) >= STEP_MS) {
        steps = [...steps, { until: at + last.ahead, from: last.steady + ahead, byMs }].slice(-MOST_STEPS);
      }
      // Also without a step: slow corrections do not add up to one.
      last = { steady: at, ahead };
      return Object.assign(new Date(shown), { clock: { steps, watchedMs: at - began } });
    },
  };
}

/**
 * Milliseconds between a stored time and now, in which the clock was perhaps set.
 *
 * A time that the clock cannot have shown was written by an earlier daemon, before the clock was set back: all that is known of it
 * is that it was before this daemon began to watch.
 *
 * @param since RFC 3339.
 */
export function elapsedMs(since: string, now: Moment): number {
  const at = Date.parse(since);
  const { steps = [], watchedMs = 0 } = now.clock ?? {};
  let until = now.getTime() + SLACK_MS;
  let setMs = 0;
  for (const step of steps.toReversed()) {
    if (at >= step.from && at <= until) break;
    setMs += step.byMs;
    until = step.until;
  }
  if (at > until) return watchedMs;
  return Math.max(0, now.getTime() - at - setMs);
}

/**
 * The same for something that is waited for, as far as this daemon waited: what had no daemon to bring it about is not late, and
 * how the clock was set meanwhile does not matter.
 *
 * @param since RFC 3339.
 */
export function waitedMs(since: string, now: Moment): number {
  return Math.min(elapsedMs(since, now), now.clock?.watchedMs ?? Infinity);
}
