/**
 * What nobody caught: a rejected promise, an error of a timer or listener. It is a fault of the daemon, and
 * no reason to end it: it is logged with its stack and counted. Whether something that must run has died with
 * it, `/healthz` and the watchdog decide.
 * @module
 */
import type { Logger } from "@logtape/logtape";

let count = 0;
/**
 * More of these in a second are counted and not written: a loop that fails at once must not fill the disk.
 */
const LOGGED_PER_SECOND = 10;

/** How many there were since the process began. */
export const unhandledErrors = (): number => count;

/** Where errors that nobody caught arrive. */
export type ErrorSource = Pick<EventTarget, "addEventListener" | "removeEventListener">;

/** Catches what nobody else did, until it is called. @returns the function that ends it. */
export function catchUnhandled(logger: Logger, source: ErrorSource = globalThis): () => void {
  let second = 0;
  let logged = 0;
  const take = (what: string, error: unknown) => {
    count++;
    const now = Math.floor(performance.now() / 1000);
    if (now !== second) [second, logged] = [now, 0];
    if (logged++ >= LOGGED_PER_SECOND) return;
    const stack = error instanceof Error ? error.stack ?? error.message : String(error);
    logger.error("{what} that nobody caught, which is a fault in rune; the daemon goes on: {stack}", {
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
