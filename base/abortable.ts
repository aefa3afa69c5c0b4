/**
 * Stops waiting for a promise when a signal aborts, even if the work ignores the signal. Knows nothing of
 * Rune.
 * @module
 */

/**
 * Waits for a promise, or rejects with the signal's reason as soon as it aborts. The work itself need not
 * heed the signal.
 *
 * @param onLate receives a value that comes too late, for example to close it.
 */
export async function abortable<T>(
  promise: Promise<T>,
  signal: AbortSignal,
  onLate: (value: T) => void = () => {},
): Promise<T> {
  let aborted = false;
  const interruption = Promise.withResolvers<never>();
  const abort = () => {
    aborted = true;
    interruption.reject(signal.reason);
  };
  signal.addEventListener("abort", abort);
  promise.then((value) => aborted && onLate(value), () => {});
  if (signal.aborted) abort();
  try {
    return await Promise.race([interruption.promise, promise]);
  } finally {
    signal.removeEventListener("abort", abort);
    interruption.promise.catch(() => {});
  }
}
