/** Reads server-sent events (WHATWG HTML, "Server-sent events") from a response body. @module */
import { startTimer } from "../../base/delay.ts";
import { RuneError } from "../../model/error.ts";

/** One event of a stream. */
export interface ServerEvent {
  /** `message` when the server named none. */
  event: string;
  id?: string;
  data: string;
}

/** Takes lines, gives the event that an empty line ends. */
function eventBuilder(): (line: string) => ServerEvent | undefined {
  let current: { event?: string; id?: string; data: string[] } = { data: [] };
  return (line) => {
    if (line === "") {
      const { event, id, data } = current;
      current = { data: [] };
      if (event === undefined && data.length === 0) return undefined;
      return { event: event ?? "message", ...(id !== undefined && { id }), data: data.join("\n") };
    }
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") current.event = value;
    if (field === "id") current.id = value;
    if (field === "data") current.data.push(value);
    return undefined;
  };
}

/** Rejects when `promise` takes longer than `ms`. */
async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = startTimer(ms, () => {
    reject(new RuneError("unavailable", `nothing was heard from the daemon for ${ms / 1000} s`));
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    timer.clear();
  }
}

/**
 * The events of a body, in order, until it ends. Leaving the loop cancels the body.
 *
 * @param options.idleMs silence, comments included, after which the stream counts as broken.
 * @throws {RuneError} `unavailable` after that silence.
 */
export async function* readEvents(
  body: ReadableStream<Uint8Array>,
  options: { idleMs: number },
): AsyncGenerator<ServerEvent> {
  const reader = body.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>).getReader();
  const take = eventBuilder();
  let rest = "";
  try {
    while (true) {
      const { done, value } = await within(options.idleMs, reader.read());
      if (done) return;
      const lines = (rest + value).split("\n");
      rest = lines.pop()!;
      for (const line of lines) {
        const event = take(line.endsWith("\r") ? line.slice(0, -1) : line);
        if (event) yield event;
      }
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}
