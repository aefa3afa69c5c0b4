/**
 * Catches errors that nothing else caught: rejected promises, and errors of timers and listeners. Each is a
 * bug, but no reason to end the daemon, so it is logged with its stack and counted. `/healthz` and the
 * watchdog notice if a part of the daemon has died.
 * @module
 */
import type { Logger } from "@logtape/logtape";

let count = 0;
/**
 * How many errors are logged in a second; further ones are only counted, so that a failing loop does not fill
 * the disk.
 */
const LOGGED_PER_SECOND = 10;

/** The number of uncaught errors since the process started. */
export const unhandledErrors = (): number => count;

/** The source of events for uncaught errors. */
export type ErrorSource = Pick<EventTarget, "addEventListener" | "removeEventListener">;

/** Starts to catch errors that nothing else catches. @returns a function that stops it. */
export function catchUnhandled(logger: Logger, source: ErrorSource = globalThis): () => void {
  let second = 0;
  let logged = 0;
  const take = (what: string, error: unknown) => {
    count++;
    const now = Math.floor(performance.now() / 1000);
    if (now !== second) [second, logged] = [now, 0];
    if (logged++ >= LOGGED_PER_SECOND) return;
    const stack = error instanceof Error ? error.stack ?? error.message : String(error);
    logger.error("nothing caught {what}, which is a bug in rune; the daemon continues: {stack}", {
      what,
      stack,
    });
  };
  const onRejection = (event: Event) => {
    event.preventDefault();
    take("a rejected promise", (event as PromiseRejectionEvent).reason);
  };
  const onError = (event: Event) => {
    event.preventDefault();
    take("an error", (event as ErrorEvent).error);
  };
  source.addEventListener("unhandledrejection", onRejection);
  source.addEventListener("error", onError);
  return () => {
    source.removeEventListener("unhandledrejection", onRejection);
    source.removeEventListener("error", onError);
  };
}
