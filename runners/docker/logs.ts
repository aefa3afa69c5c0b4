/** A container's output as log entries: timestamps taken off, the Engine's 16 KiB parts joined to lines. @module */
import { RuneError } from "../../spec/error.ts";
import { letterEnd, LOG_LINE_MAX } from "../log_line.ts";
import type { LogEntry, LogOptions } from "../runner.ts";
import { type Engine, unlessAbsent } from "./engine.ts";
import { concat, decodeFrames, type Frame } from "./frames.ts";

const NEWLINE = 10;
const STAMP = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)) /;
/** The longest that STAMP matches. */
const STAMP_MAX = 36;

/** See {@linkcode import("../runner.ts").Runner.logs}. */
export async function containerLogs(
  engine: Engine,
  id: string,
  options: LogOptions,
): Promise<ReadableStream<LogEntry>> {
  const entries = await readLog(engine, id, options);
  return options.follow ? withRest(engine, id, { entries, log: options }) : entries;
}

async function readLog(engine: Engine, id: string, options: LogOptions): Promise<ReadableStream<LogEntry>> {
  const { signal } = options;
  const response = await engine.request(`/containers/${id}/logs`, {
    what: "read the container's log",
    query: {
      stdout: "1",
      stderr: "1",
      timestamps: "1",
      follow: options.follow ? "1" : undefined,
      tail: options.tail === undefined ? undefined : String(options.tail),
      since: options.since && engineTime(options.since),
      until: options.until && engineTime(options.until),
    },
    signal,
  });
  return endOnAbort(response.body!, signal).pipeThrough(decodeFrames()).pipeThrough(joinLines());
}

/**
 * A followed log with its last lines: the Engine ends it with the container, sometimes before it has read what the
 * container wrote last. So the end is read once more, and given from the last known entry on.
 */
function withRest(
  engine: Engine,
  id: string,
  { entries, log }: { entries: ReadableStream<LogEntry>; log: LogOptions },
): ReadableStream<LogEntry> {
  let reader = entries.getReader();
  let last: LogEntry | undefined;
  let mark: LogEntry | undefined;
  let following = true;

  /** Goes over to reading the end; false when there is none to read. */
  async function turn(): Promise<boolean> {
    if (!following || log.signal.aborted) return false;
    following = false;
    mark = last;
    const since = last?.time === undefined ? log.since : aSecondBefore(last.time);
    const rest = await unlessAbsent(
      readLog(engine, id, { ...log, follow: false, since, tail: last ? undefined : log.tail }),
    );
    if (rest) reader = rest.getReader();
    return rest !== undefined;
  }

  return new ReadableStream({
    async pull(controller) {
      while (true) {
        const { done, value } = await reader.read();
        if (done) {
          if (await turn()) continue;
          return controller.close();
        }
        if (mark) {
          if (isSame(mark, value)) mark = undefined;
          continue;
        }
        last = value;
        return controller.enqueue(value);
      }
    },
    cancel: (reason) => reader.cancel(reason),
  });
}

/** The Engine's times have nanoseconds, and a stream's lines come one after the other. */
function isSame(a: LogEntry, b: LogEntry): boolean {
  return a.time === b.time && a.stream === b.stream;
}

/** The streams' entries are in the order of the file, and their times may differ from it by a little. */
function aSecondBefore(time: string): string {
  return new Date(Date.parse(time) - 1000).toISOString();
}

/**
 * Seconds and nanoseconds as the Engine wants them, `1700000000.000000123`.
 *
 * @throws {RuneError} `invalid_argument` when `text` is not an RFC 3339 time.
 */
export function engineTime(text: string): string {
  const fraction = /\.(\d{1,9})\d*(?=Z|[+-])/i.exec(text);
  const ms = Date.parse(fraction ? text.replace(fraction[0], "") : text);
  if (Number.isNaN(ms)) {
    throw new RuneError("invalid_argument", `"${text}" is not a time`, {
      hint: "write it as 2006-01-02T15:04:05Z",
    });
  }
  return `${Math.floor(ms / 1000)}.${(fraction?.[1] ?? "").padEnd(9, "0")}`;
}

/** One entry per line, from frames that hold a line or part of one, each with a timestamp in front. */
export function joinLines(): TransformStream<Frame, LogEntry> {
  const held = new Map<Frame["stream"], { time?: string; bytes: Uint8Array }>();
  const emit = (
    stream: Frame["stream"],
    line: { time?: string; bytes: Uint8Array },
    { controller, continues }: { controller: TransformStreamDefaultController<LogEntry>; continues: boolean },
  ) => {
    const text = new TextDecoder().decode(line.bytes);
    controller.enqueue({ stream, time: line.time, text, ...(continues && { continues }) });
  };
  return new TransformStream({
    transform({ stream, data }, controller) {
      const stamp = STAMP.exec(String.fromCharCode(...data.subarray(0, STAMP_MAX)));
      const ended = data.at(-1) === NEWLINE;
      const bytes = data.subarray(stamp?.[0].length ?? 0, ended ? -1 : undefined);
      const start = held.get(stream);
      const line = start
        ? { time: start.time, bytes: concat(start.bytes, bytes) }
        : { time: stamp?.[1], bytes };
      while (line.bytes.length > LOG_LINE_MAX) {
        const end = letterEnd(line.bytes, LOG_LINE_MAX);
        emit(stream, { ...line, bytes: line.bytes.subarray(0, end) }, { controller, continues: true });
        line.bytes = line.bytes.subarray(end);
      }
      held.delete(stream);
      if (ended) emit(stream, line, { controller, continues: false });
      // A copy: part of a large frame must not keep all of it.
      else held.set(stream, { ...line, bytes: line.bytes.slice() });
    },
    flush(controller) {
      for (const [stream, line] of held) emit(stream, line, { controller, continues: false });
    },
  });
}

/** The same bytes; an abort ends them as if they had ended by themselves. */
function endOnAbort(source: ReadableStream<Uint8Array>, signal: AbortSignal): ReadableStream<Uint8Array> {
  const reader = source.getReader();
  return new ReadableStream({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (done) controller.close();
        else controller.enqueue(value);
      } catch (cause) {
        if (signal.aborted) return controller.close();
        throw new RuneError("unavailable", "Docker ended the log in the middle", {
          cause,
          hint: "try again",
        });
      }
    },
    cancel: (reason) => reader.cancel(reason),
  });
}
