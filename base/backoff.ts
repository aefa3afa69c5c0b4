/** When a stored time to retry is due, on a clock that may have been set back meanwhile. @module */

/** The longest that anything waits between two attempts. */
export const MAX_BACKOFF_MS = 60_000;

/**
 * Milliseconds until `nextAttemptAt` (RFC 3339); 0 when it is due, absent, or further off than anything is ever put: then the
 * clock was set back since it was written.
 */
export function dueInMs(nextAttemptAt: string | undefined, now: Date): number {
  if (nextAttemptAt === undefined) return 0;
  const ms = Date.parse(nextAttemptAt) - now.getTime();
  return ms > MAX_BACKOFF_MS ? 0 : Math.max(0, ms);
}
