/**
 * Reads a container's output as log entries. Supports the log driver `local`, and `json-file` from earlier
 * versions.
 * @module
 */
import { RuneError } from "../../model/error.ts";
import { afterLines, lineStarts } from "../../model/log_line.ts";
import type { LogEntry, LogOptions } from "../runner.ts";
import { type Engine, unlessAbsent } from "./engine.ts";
import { createFrameSplitter } from "./frames.ts";
import { createLineAssembler } from "./line_assembler.ts";

/** Options of a request to the Engine, which counts records: a long line has several. */
interface RecordQuery extends Omit<LogOptions, "tail"> {
  records?: number | undefined;
}

/** An open log. */
interface OpenLog {
  /** Reads the next entries; undefined at the end. */
  next(): Promise<LogEntry[] | undefined>;
  cancel(reason: unknown): Promise<void>;
  /** How many records were read so far. */
  records(): number;
  /** The remaining lines without an end, only of a log that has ended and was opened to be `resumed`. */
  rest(): LogEntry[];
}

/** How many bytes of a tail are kept during the count. A longer tail is read twice. */
const TAIL_KEPT = 2 * 1024 * 1024;

/** See {@linkcode import("../runner.ts").Runner.logs}. */
export async function containerLogs(
  engine: Engine,
  id: string,
  options: LogOptions,
): Promise<ReadableStream<LogEntry>> {
  const found = await findTail(engine, id, options);
  if ("entries" in found) return streamOf({ next: once(found.entries), cancel: () => Promise.resolve() });
  const { records, skip } = found;
  const log = await openLog(engine, id, { ...options, records }, { resumed: options.follow });
  const entries = options.follow ? withRest(engine, id, { log, options }) : streamOf(log);
  return skip === 0 ? entries : entries.pipeThrough(skipLines(skip));
}

/**
 * Finds how many of the last records contain the last `tail` lines, and how many of their lines are too many.
 * Returns a tail of up to TAIL_KEPT at once if it is not followed.
 */
async function findTail(
  engine: Engine,
  id: string,
  { tail, until, ...options }: LogOptions,
): Promise<{ records: number | undefined; skip: number } | { entries: LogEntry[] }> {
  if (tail === undefined || tail === 0) return { records: tail, skip: 0 };
  // One more, since the first of them may be the rest of a longer line. The Engine checks the time only of
  // the last records.
  let records = until === undefined ? tail + 1 : undefined;
  for (;;) {
    const query = { ...options, until, follow: false, records };
    const log = await openLog(engine, id, query, { resumed: false });
    const starts = createStartCounter();
    let kept: LogEntry[] | undefined = options.follow ? undefined : [];
    let size = 0;
    // In batches, since a promise for each line would cost more than the line.
    for (let entries; (entries = await log.next()) !== undefined;) {
      for (const entry of entries) {
        starts.push(entry);
        size += entry.text.length;
        if (size > TAIL_KEPT) kept = undefined;
        kept?.push(entry);
      }
    }
    const isWhole = records === undefined || log.records() < records;
    if (isWhole || starts.sinceDoubtful() >= tail) {
      const skip = Math.max(0, starts.count() - tail);
      return kept ? { entries: kept.filter(afterLines(skip)) } : { records, skip };
    }
    records = 2 * records! + 64;
  }
}

/** By how many milliseconds the times of two streams' records may differ from their order in the file. */
const ORDER_MS = 1000;

/**
 * Counts the lines of a log that was opened somewhere in its middle. The first entry of each stream may be
 * the rest of an earlier line, wherever it is among the other stream's lines, unless it began after a whole
 * line.
 */
function createStartCounter(): {
  push(entry: LogEntry): void;
  /** The lines so far. */
  count(): number;
  /** The lines after the last one that may be the rest of a longer one. */
  sinceDoubtful(): number;
} {
  const starts = lineStarts();
  const streams = new Set<LogEntry["stream"]>();
  let [lines, doubtful] = [0, 0];
  let wholeAt: number | undefined;
  return {
    push(entry) {
      if (!starts(entry)) return;
      lines++;
      const at = Date.parse(entry.time ?? "");
      if (!streams.has(entry.stream)) {
        streams.add(entry.stream);
        if (!(wholeAt !== undefined && at > wholeAt + ORDER_MS)) doubtful = lines;
      } else wholeAt ??= at;
    },
    count: () => lines,
    sinceDoubtful: () => lines - doubtful,
  };
}

async function openLog(
  engine: Engine,
  id: string,
  { follow, records, since, until, signal }: RecordQuery,
  { resumed }: { resumed: boolean },
): Promise<OpenLog> {
  const response = await engine.request(`/containers/${id}/logs`, {
    what: "read the container's log",
    query: {
      stdout: "1",
      stderr: "1",
      timestamps: "1",
      follow: follow ? "1" : undefined,
      tail: records === undefined ? undefined : String(records),
      since: since && engineTime(since),
      until: until && engineTime(until),
    },
    signal,
  });
  const bytes = endOnAbort(response.body!, signal).getReader();
  const splitter = createFrameSplitter();
  const assembler = createLineAssembler();
  let count = 0;
  let ended = false;
  return {
    async next() {
      if (ended) return undefined;
      const { done, value } = await bytes.read();
      if (!done) {
        const records = splitter.push(value);
        count += records.length;
        return records.flatMap((record) => assembler.push(record));
      }
      ended = true;
      splitter.end();
      return resumed ? undefined : assembler.end();
    },
    cancel: (reason) => bytes.cancel(reason),
    records: () => count,
    rest: () => assembler.end(),
  };
}

/** Returns all entries at once, then the end. */
function once(entries: LogEntry[]): OpenLog["next"] {
  let left: LogEntry[] | undefined = entries;
  return () => {
    const next = left;
    left = undefined;
    return Promise.resolve(next);
  };
}

/** Streams the entries one by one. Reads at most one chunk ahead. */
function streamOf(log: Pick<OpenLog, "next" | "cancel">): ReadableStream<LogEntry> {
  return new ReadableStream<LogEntry>({
    async pull(controller) {
      for (let entries; (entries = await log.next()) !== undefined;) {
        for (const entry of entries) controller.enqueue(entry);
        if (entries.length > 0) return;
      }
      controller.close();
    },
    cancel: (reason) => log.cancel(reason),
  });
}

/** Skips the first lines. */
function skipLines(lines: number): TransformStream<LogEntry, LogEntry> {
  const wanted = afterLines(lines);
  return new TransformStream({
    transform(entry, controller) {
      if (wanted(entry)) controller.enqueue(entry);
    },
  });
}

/**
 * Follows a log after its last lines. The Engine ends it with the container, sometimes before the container's
 * last output. So the end is read once more, from the last known entry on.
 */
function withRest(
  engine: Engine,
  id: string,
  { log, options }: { log: OpenLog; options: LogOptions },
): ReadableStream<LogEntry> {
  let reader = streamOf(log).getReader();
  /** The last entry, and how many parts of its line came: all parts of a line have one time. */
  let last: { entry: LogEntry; parts: number } | undefined;
  let toSkip: typeof last;
  let following = true;

  /** Switches to reading the end. */
  async function turn(): Promise<LogEntry[] | undefined> {
    if (!following || options.signal.aborted) return undefined;
    following = false;
    toSkip = last && { ...last };
    const since = last?.entry.time === undefined ? options.since : aSecondBefore(last.entry.time);
    const query = { ...options, follow: false, since, records: last ? undefined : options.tail };
    const rest = await unlessAbsent(openLog(engine, id, query, { resumed: false }));
    if (!rest) return log.rest();
    reader = streamOf(rest).getReader();
    return [];
  }

  return new ReadableStream({
    async pull(controller) {
      while (true) {
        const { done, value } = await reader.read();
        if (done) {
          const left = await turn();
          if (left?.length === 0) continue;
          for (const entry of left ?? []) controller.enqueue(entry);
          return controller.close();
        }
        if (toSkip) {
          if (isSame(toSkip.entry, value) && --toSkip.parts === 0) toSkip = undefined;
          continue;
        }
        last = { entry: value, parts: last && isSame(last.entry, value) ? last.parts + 1 : 1 };
        return controller.enqueue(value);
      }
    },
    cancel: (reason) => reader.cancel(reason),
  });
}

/** The Engine's times have nanoseconds, and the lines of one stream are in order. */
function isSame(a: LogEntry, b: LogEntry): boolean {
  return a.time === b.time && a.stream === b.stream;
}

/** The entries are in the order of the file, and their times may differ from it a little. */
function aSecondBefore(time: string): string {
  return new Date(Date.parse(time) - 1000).toISOString();
}

/**
 * Converts a time to the Engine's seconds and nanoseconds, `1700000000.000000123`.
 *
 * @throws {RuneError} `invalid_argument` if `text` is not an RFC 3339 time.
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

/** The same bytes. An abort ends them like a normal end. */
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
