/** Tells when a stored retry time is due, even if the clock was set back since it was written. @module */

/** The longest wait between two attempts. */
export const MAX_BACKOFF_MS = 60_000;

/**
 * Milliseconds until `nextAttemptAt` (RFC 3339). Returns 0 if it is due, absent, or further away than any
 * wait: then the clock was set back after it was written.
 *
 * @param options.longestMs the longest wait that is ever written.
 */
export function dueInMs(
  nextAttemptAt: string | undefined,
  now: Date,
  { longestMs = MAX_BACKOFF_MS }: { longestMs?: number } = {},
): number {
  if (nextAttemptAt === undefined) return 0;
  const ms = Date.parse(nextAttemptAt) - now.getTime();
  return ms > longestMs ? 0 : Math.max(0, ms);
}
