/** Limits the time of requests to the Engine. @module */
import { startTimer } from "../../base/delay.ts";
import { abortable } from "../../base/abortable.ts";
import { RuneError } from "../../model/error.ts";
import type { EngineRequest } from "./engine_request.ts";

/**
 * How many milliseconds the Engine may take for an answer, unless the request says so itself. Changes may
 * queue for long.
 */
const LIMIT_MS = { GET: 30_000, POST: 300_000, DELETE: 300_000 };

/** Runs a request under a signal that aborts with the caller's signal, and at the request's time limit. */
export async function withinLimit<T>(
  { what, signal, method = "GET", withinMs = LIMIT_MS[method] }: EngineRequest,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const limit = new AbortController();
  const abortLate = () => limit.abort(unansweredError(what, withinMs));
  const timer = startTimer(withinMs, abortLate);
  const abort = () => limit.abort(signal.reason);
  signal.addEventListener("abort", abort);
  if (signal.aborted) abort();
  try {
    return await run(limit.signal);
  } finally {
    timer.clear();
    signal.removeEventListener("abort", abort);
  }
}

function unansweredError(what: string, ms: number): RuneError {
  return new RuneError(
    "unavailable",
    `cannot ${what}: Docker takes requests and has not answered for ${Math.round(ms / 1000)} s`,
    {
      hint: "look at Docker's log (journalctl -u docker); restart it if it hangs (systemctl restart docker)",
    },
  );
}

/** The same response, which fails if no byte of its body arrives for a while. */
export function idleBounded(response: Response, { what, idleMs }: EngineRequest): Response {
  if (!response.body) return response;
  const reader = response.body.getReader();
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      const limit = new AbortController();
      const timer = startTimer(idleMs!, () => limit.abort(unansweredError(what, idleMs!)));
      try {
        const { done, value } = await abortable(reader.read(), limit.signal);
        if (done) controller.close();
        else controller.enqueue(value);
      } catch (error) {
        reader.cancel().catch(() => {});
        throw error;
      } finally {
        timer.clear();
      }
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
  return new Response(body, { status: response.status, headers: response.headers });
}
