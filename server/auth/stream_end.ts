/** Ends an open stream when the right to it ends, and counts those that are open. @module */
import { toRuneError } from "../../model/error.ts";
import { toProblem } from "../http/problem.ts";

/** Answers that go on: events, which end with a problem, and archives, which break off. */
const EVENTS = "text/event-stream";
const ARCHIVE = "application/gzip";

/**
 * The same answer. Where it is a stream of events its last one is the problem that `signal` aborts with; an archive breaks off.
 *
 * @param options.signal may be one that never aborts.
 * @param options.enter called for a stream of events; what it returns is called when the stream is over.
 * @throws what `enter` throws, when the stream must not be.
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
