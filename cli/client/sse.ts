/** Reads server-sent events (WHATWG HTML, "Server-sent events") from a response body. @module */
import { createParser, type EventSourceMessage } from "eventsource-parser";
import { startTimer } from "../../base/delay.ts";
import { RuneError } from "../../model/error.ts";

/** One event of a stream. */
export interface ServerEvent {
  /** `message` if the server named none. */
  event: string;
  id?: string;
  data: string;
}

const toServerEvent = ({ event = "message", id, data }: EventSourceMessage): ServerEvent => ({
  event,
  ...(id !== undefined && { id }),
  data,
});

/** Rejects if `promise` takes longer than `ms`. */
async function withinMs<T>(ms: number, promise: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = startTimer(ms, () => {
    reject(new RuneError("unavailable", `the daemon sent nothing for ${ms / 1000} s`));
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    timer.clear();
  }
}

/**
 * Yields the events of a body in order until it ends. Leaving the loop cancels the body.
 *
 * @param options.idleMs the longest silence, comments included, before the stream counts as broken.
 * @throws {RuneError} `unavailable` after that silence.
 */
export async function* readEvents(
  body: ReadableStream<Uint8Array>,
  options: { idleMs: number },
): AsyncGenerator<ServerEvent> {
  const reader = body.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>).getReader();
  let parsed: ServerEvent[] = [];
  const parser = createParser({ onEvent: (event) => parsed.push(toServerEvent(event)) });
  try {
    while (true) {
      const { done, value } = await withinMs(options.idleMs, reader.read());
      if (done) return;
      parser.feed(value);
      const events = parsed;
      parsed = [];
      yield* events;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}
