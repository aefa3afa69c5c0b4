/** Waiting for something no longer than a signal allows, whatever that something does. Knows nothing of Rune. @module */

/**
 * What the promise comes to, or a rejection with the signal's reason as soon as it aborts. Nothing is trusted to heed the
 * signal: the promise is simply no longer waited for.
 *
 * @param late given what the promise comes to after all, so that it can be closed.
 */
export async function within<T>(
  promise: Promise<T>,
  signal: AbortSignal,
  late: (value: T) => void = () => {},
): Promise<T> {
  let lost = false;
  const aborted = Promise.withResolvers<never>();
  const abort = () => {
    lost = true;
    aborted.reject(signal.reason);
  };
  signal.addEventListener("abort", abort);
  promise.then((value) => lost && late(value), () => {});
  if (signal.aborted) abort();
  try {
    return await Promise.race([aborted.promise, promise]);
  } finally {
    signal.removeEventListener("abort", abort);
    aborted.promise.catch(() => {});
  }
}
