/**
 * Server-sent events. A stream is pulled: it reads the next event from its source only when the client has
 * read the one before, so a slow client uses only the buffers of its connection. Nor does a long list of
 * events hold up other requests while the buffers have room.
 * @module
 */
import { startTimer } from "../../../base/delay.ts";
import { makeTurns } from "../../../base/turns.ts";
import { toRuneError } from "../../../model/error.ts";
import { toProblem } from "../../http/problem.ts";

/** An event of a stream. */
export interface ServerSentEvent {
  event: string;
  /** The position from which a client can resume. */
  id?: string;
  /** Sent as one line of JSON. */
  data: unknown;
}

/** Options of a stream. */
export interface StreamOptions {
  /** Ends the stream when the daemon stops. */
  shutdown: AbortSignal;
  requestId: string;
  /**
   * After this many milliseconds of silence a comment is sent, so that a dead connection is noticed. Default:
   * 15 s.
   */
  heartbeatMs?: number;
}

const encoder = new TextEncoder();

function encode({ event, id, data }: ServerSentEvent): Uint8Array {
  const idLine = id === undefined ? "" : `id: ${id}\n`;
  return encoder.encode(`event: ${event}\n${idLine}data: ${JSON.stringify(data)}\n\n`);
}

/** Resolves after `ms`, or never if it is cleared first. */
function timer(ms: number): { done: Promise<"silent">; clear(): void } {
  const { promise: done, resolve } = Promise.withResolvers<"silent">();
  return { done, clear: startTimer(ms, () => resolve("silent")).clear };
}

/**
 * Answers with a stream of events. An error of the source becomes a last event `problem`.
 *
 * @param source yields the events. Its signal aborts when the client disconnects or the daemon stops; then it
 * must end.
 */
export function eventStream(
  source: (signal: AbortSignal) => AsyncIterable<ServerSentEvent>,
  { shutdown, requestId, heartbeatMs = 15_000 }: StreamOptions,
): Response {
  const gone = new AbortController();
  const signal = AbortSignal.any([gone.signal, shutdown]);
  const events = source(signal)[Symbol.asyncIterator]();
  const nextTurn = makeTurns();
  let pending: Promise<IteratorResult<ServerSentEvent>> | undefined;
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      // Headers are sent with the first byte, and a watch without events must not look like a daemon that
      // hangs.
      controller.enqueue(encoder.encode(": open\n\n"));
    },
    async pull(controller) {
      await nextTurn();
      pending ??= events.next();
      const heartbeat = timer(heartbeatMs);
      try {
        const next = await Promise.race([pending, heartbeat.done]);
        if (next === "silent") return controller.enqueue(encoder.encode(": keep-alive\n\n"));
        pending = undefined;
        if (next.done) controller.close();
        else controller.enqueue(encode(next.value));
      } catch (error) {
        if (!signal.aborted) {
          controller.enqueue(encode({ event: "problem", data: toProblem(toRuneError(error), requestId) }));
        }
        controller.close();
      } finally {
        heartbeat.clear();
      }
    },
    async cancel() {
      gone.abort();
      await pending?.catch(() => {});
      await events.return?.();
    },
  }, { highWaterMark: 0 });
  return new Response(body, {
    headers: { "content-type": "text/event-stream", "cache-control": "no-store" },
  });
}
