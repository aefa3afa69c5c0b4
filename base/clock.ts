/**
 * Measures how long ago something happened, on a clock that somebody may set. Stored times are times of day,
 * but a timeout must not depend on whoever sets the clock. A {@linkcode Clock} notices each time that it is
 * set while this daemon runs, and a {@linkcode Moment} carries these steps.
 * @module
 */

/** One time that the clock was set. */
export interface ClockStep {
  /**
   * The latest time that it can have shown before the step, and the earliest after it, in milliseconds since
   * 1970.
   */
  until: number;
  from: number;
  /** How far it was set; negative if it was set back. */
  byMs: number;
}

/** A time of day with the steps of its clock. A plain `Date` counts as a clock that nobody set. */
export interface Moment extends Date {
  readonly clock?: {
    /** Oldest first. */
    readonly steps: readonly ClockStep[];
    /** How long the clock has been watched. */
    readonly watchedMs: number;
  };
}

/** Tells the time. */
export interface Clock {
  now(): Moment;
}

/** Smaller steps are noise between two clocks, or slow corrections of one. */
const STEP_MS = 1000;
/** How many steps are kept; older ones no longer matter. */
const MOST_STEPS = 50;
/** How far other clocks that wrote a time may be ahead of ours. */
const SLACK_MS = 1000;

/**
 * Watches the clock from now on.
 *
 * @param options `wall` is the time of day, `readSteady` a clock that nobody sets; both in milliseconds.
 */
export function createClock(options: { wall?(): number; readSteady?(): number } = {}): Clock {
  const { wall = Date.now, readSteady = () => performance.now() } = options;
  const began = readSteady();
  let last = { steady: began, ahead: wall() - began };
  let steps: readonly ClockStep[] = [];
  return {
    now() {
      const at = readSteady();
      const shown = wall();
      const ahead = shown - at;
      const byMs = ahead - last.ahead;
      if (Math.abs(byMs) >= STEP_MS) {
        steps = [...steps, { until: at + last.ahead, from: last.steady + ahead, byMs }].slice(-MOST_STEPS);
      }
      // Update this without a step too, so that slow corrections do not add up to one.
      last = { steady: at, ahead };
      return Object.assign(new Date(shown), { clock: { steps, watchedMs: at - began } });
    },
  };
}

/**
 * Milliseconds from a stored time to now, whether or not the clock was set between them.
 *
 * An earlier daemon wrote a time that this clock cannot have shown, before somebody set the clock back. Such
 * a time is only known to be older than this daemon's watch, so the length of that watch is returned.
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
 * Like {@linkcode elapsedMs}, but counts only the time for which this daemon has run. Work is not late while
 * no daemon was there to do it.
 *
 * @param since RFC 3339.
 */
export function waitedMs(since: string, now: Moment): number {
  return Math.min(elapsedMs(since, now), now.clock?.watchedMs ?? Infinity);
}
