/** Ends an open stream when the right to it ends, and counts open event streams. @module */
import { toRuneError } from "../../model/error.ts";
import { toProblem } from "../http/problem.ts";

/** Content types of streams. An event stream ends with a problem; an archive breaks off. */
const EVENTS = "text/event-stream";
const ARCHIVE = "application/gzip";

/**
 * Returns the response with a body that ends when `signal` aborts. An event stream ends with the abort reason
 * as a problem; an archive breaks off.
 *
 * @param options.enter called for an event stream; the function that it returns is called when the stream
 * ends.
 * @throws what `enter` throws, if the stream may not open.
 */
export function endWith(
  response: Response,
  { signal, requestId, enter }: { signal: AbortSignal; requestId: string; enter: () => () => void },
): Response {
  const type = response.headers.get("content-type") ?? "";
  const isEvents = type.startsWith(EVENTS);
  if (!(isEvents || type.startsWith(ARCHIVE)) || !response.body) return response;
  let leave = () => {};
  if (isEvents) {
    try {
      leave = enter();
    } catch (error) {
      response.body.cancel().catch(() => {});
      throw error;
    }
  }
  const reader = response.body.getReader();
  let ended = false;
  let onAbort = () => {};
  const end = () => {
    ended = true;
    signal.removeEventListener("abort", onAbort);
    leave();
  };
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      onAbort = () => {
        if (ended) return;
        end();
        if (isEvents) {
          const problem = JSON.stringify(toProblem(toRuneError(signal.reason), requestId));
          controller.enqueue(new TextEncoder().encode(`event: problem\ndata: ${problem}\n\n`));
          controller.close();
        } else controller.error(signal.reason);
        reader.cancel().catch(() => {});
      };
      if (signal.aborted) onAbort();
      else signal.addEventListener("abort", onAbort, { once: true });
    },
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (ended) return;
        if (!done) return controller.enqueue(value);
        end();
        controller.close();
      } catch (error) {
        if (ended) return;
        end();
        throw error;
      }
    },
    async cancel(reason) {
      end();
      await reader.cancel(reason);
    },
  }, { highWaterMark: 0 });
  return new Response(body, { status: response.status, headers: response.headers });
}
