/**
 * Server-sent events. A stream is pulled: the source is asked for its next event only when the client took
 * the one before, so that a slow client costs its connection's buffers and no more.
 * @module
 */
import { startTimer } from "../../../base/delay.ts";
import { toRuneError } from "../../../model/error.ts";
import { toProblem } from "../../http/problem.ts";

/** One event of a stream. */
export interface ServerSentEvent {
  event: string;
  /** Where a client resumes from. */
  id?: string;
  /** Sent as one line of JSON. */
  data: unknown;
}

/** What a stream depends on. */
export interface StreamOptions {
  /** Ends the stream: the daemon stops. */
  shutdown: AbortSignal;
  requestId: string;
  /**
   * Milliseconds of silence after which a comment is sent, so that a dead connection is noticed. Default: 15
   * s.
   */
  heartbeatMs?: number;
}

const encoder = new TextEncoder();

function encode({ event, id, data }: ServerSentEvent): Uint8Array {
  const idLine = id === undefined ? "" : `id: ${id}\n`;
  return encoder.encode(`event: ${event}\n${idLine}data: ${JSON.stringify(data)}\n\n`);
}

/** Resolves after `ms`, or never when cleared first. */
function timer(ms: number): { done: Promise<"silent">; clear(): void } {
  const { promise: done, resolve } = Promise.withResolvers<"silent">();
  return { done, clear: startTimer(ms, () => resolve("silent")).clear };
}

/**
 * The answer that streams a source's events. An error of the source becomes a last event `problem`.
 *
 * @param source makes the events; its signal aborts when the client goes away or the daemon stops, and it
 * must end then.
 */
export function eventStream(
  source: (signal: AbortSignal) => AsyncIterable<ServerSentEvent>,
  { shutdown, requestId, heartbeatMs = 15_000 }: StreamOptions,
): Response {
  const gone = new AbortController();
  const signal = AbortSignal.any([gone.signal, shutdown]);
  const events = source(signal)[Symbol.asyncIterator]();
  let pending: Promise<IteratorResult<ServerSentEvent>> | undefined;
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      // Headers leave with the first byte: a watch of something quiet must not look like a daemon that hangs.
      controller.enqueue(encoder.encode(": open\n\n"));
    },
    async pull(controller) {
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
