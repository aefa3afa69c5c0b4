/** Ends an open stream of events when the right to it ends. @module */
import { toRuneError } from "../../spec/error.ts";
import { toProblem } from "../problem.ts";

/**
 * The same answer; where it is a stream of events its last one is the problem that `signal` aborts with.
 *
 * @param options.signal may be one that never aborts.
 */
export function endWith(
  response: Response,
  { signal, requestId }: { signal: AbortSignal; requestId: string },
): Response {
  if (!response.headers.get("content-type")?.startsWith("text/event-stream") || !response.body) {
    return response;
  }
  const reader = response.body.getReader();
  let ended = false;
  let onEnd = () => {};
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      onEnd = () => {
        if (ended) return;
        ended = true;
        const problem = JSON.stringify(toProblem(toRuneError(signal.reason), requestId));
        controller.enqueue(new TextEncoder().encode(`event: problem\ndata: ${problem}\n\n`));
        controller.close();
        reader.cancel().catch(() => {});
      };
      if (signal.aborted) onEnd();
      else signal.addEventListener("abort", onEnd, { once: true });
    },
    async pull(controller) {
      const { done, value } = await reader.read();
      if (ended) return;
      if (!done) return controller.enqueue(value);
      ended = true;
      signal.removeEventListener("abort", onEnd);
      controller.close();
    },
    async cancel(reason) {
      ended = true;
      signal.removeEventListener("abort", onEnd);
      await reader.cancel(reason);
    },
  }, { highWaterMark: 0 });
  return new Response(body, { status: response.status, headers: response.headers });
}
