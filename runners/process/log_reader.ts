/**
 * Reads a run's two logs as one stream of entries, in the order of the marks, and follows them.
 * @module
 */
import { afterLines, lineStarts } from "../../model/log_line.ts";
import type { LogEntry, LogOptions } from "../runner.ts";
import type { Listener } from "./bell.ts";
import { type Line, LineReader } from "./line_reader.ts";
import { type Mark, readMarks, readTrimmed, STREAMS } from "./log_file.ts";
import type { RunFiles } from "./records.ts";

const MAX_TIMER_MS = 2 ** 31 - 1;

/** Options that the caller of `logs` does not set. */
export interface LogReadOptions extends LogOptions {
  /** Rings when the run may have ended, and on abort; disposed when the stream ends. */
  listener: Listener;
  /** Whether the run will write no more. */
  isOver(): Promise<boolean>;
}

/**
 * Streams a run's output from the current log as the reader consumes it. The stream must be read to its end
 * or cancelled, or the signal aborted, because it keeps files open.
 */
export async function readLogs(files: RunFiles, options: LogReadOptions): Promise<ReadableStream<LogEntry>> {
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  const source = selectEntries(files, { ...options, signal });
  await source.next();
  const end = async () => {
    stop.abort();
    options.listener.ring();
    await source.return(undefined);
  };
  options.signal.addEventListener("abort", () => void end(), { signal: stop.signal });
  return new ReadableStream<LogEntry>({
    async pull(controller) {
      const { value, done } = await source.next();
      if (value) return controller.enqueue(value);
      if (!done) return;
      stop.abort();
      controller.close();
    },
    cancel: end,
  }, { highWaterMark: 0 });
}

/** Yields undefined once the logs are open, then the entries within `since` and `until`. */
async function* selectEntries(
  files: RunFiles,
  options: LogReadOptions,
): AsyncGenerator<LogEntry | undefined, undefined, undefined> {
  using listener = options.listener;
  const since = options.since === undefined ? -Infinity : Date.parse(options.since);
  const until = options.until === undefined ? Infinity : Date.parse(options.until);
  const isWanted = (entry: LogEntry) => Date.parse(entry.time!) >= since && Date.parse(entry.time!) <= until;
  let readers: LineReader[] = [];
  let watcher: Deno.FsWatcher | undefined;
  let watching: Promise<void> | undefined;
  try {
    const marks = await readMarks(files);
    readers = await openReaders(files, { marks, since, options });
    if (options.follow) {
      watcher = Deno.watchFs(files.dir, { recursive: false });
      watching = ringOnChange(watcher, listener);
    }
    // Checked before the read, so that output up to the end is still read.
    let over = await options.isOver();
    let before = 0;
    const starts = lineStarts();
    if (options.tail !== undefined) {
      // First counted and then read again, since a tail may be as long as the log and is not kept in memory.
      for await (const entry of mergeStreams(readers, { marks, last: over || !options.follow })) {
        if (isWanted(entry) && starts(entry)) before++;
      }
      before = Math.max(0, before - options.tail);
      const begins = readers.map((reader) => reader.begin);
      for (const reader of readers.splice(0)) reader.close();
      readers = await Promise.all(STREAMS.map((stream, i) => LineReader.open(files, stream, begins[i]!)));
    }
    const kept = afterLines(before);
    yield undefined;
    for (;;) {
      for await (const entry of mergeStreams(readers, { marks, last: over || !options.follow })) {
        if (options.signal.aborted) return;
        if (isWanted(entry) && kept(entry)) yield entry;
      }
      if (over || !options.follow || options.signal.aborted || Date.now() > until) return;
      await listener.next(until === Infinity ? undefined : Math.min(MAX_TIMER_MS, until - Date.now() + 1));
      if (options.signal.aborted) return;
      over = await options.isOver();
    }
  } finally {
    watcher?.close();
    await watching;
    for (const reader of readers) reader.close();
  }
}

/** Opens both streams at the first line that may be needed, or before it. */
async function openReaders(
  files: RunFiles,
  { marks, since, options }: { marks: Mark[]; since: number; options: LogOptions },
): Promise<LineReader[]> {
  const trimmed = await readTrimmed(files);
  const before = marks.findLast((m) => Date.parse(m.time) < since) ?? trimmed;
  return await Promise.all(
    STREAMS.map((stream) =>
      options.tail !== undefined && options.until === undefined
        ? LineReader.openTail(files, stream, Math.max(1, options.tail))
        : LineReader.open(files, stream, before[stream])
    ),
  );
}

/** The next line of a stream. */
interface Head {
  reader: LineReader;
  stream: typeof STREAMS[number];
  line: Line;
  /** See {@linkcode markOf}. */
  mark: number;
}

/** Merges the current lines of both streams; with `last`, even an unfinished last line. */
async function* mergeStreams(
  readers: LineReader[],
  { marks, last }: { marks: Mark[]; last: boolean },
): AsyncGenerator<LogEntry> {
  const dry = new Set<LineReader>();
  for (;;) {
    let first: Head | undefined;
    for (const [i, reader] of readers.entries()) {
      const stream = STREAMS[i]!;
      if (reader.head === undefined && !dry.has(reader)) await reader.fill();
      const line = reader.head;
      if (line === undefined) {
        dry.add(reader);
        continue;
      }
      const mark = markOf(line, { stream, marks });
      if (!first || mark < first.mark) first = { reader, stream, line, mark };
    }
    if (!first) break;
    first.reader.shift();
    yield toEntry(first, marks);
  }
  if (!last) return;
  for (const [i, reader] of readers.entries()) {
    const stream = STREAMS[i]!;
    const line = reader.takeRemainder();
    if (line) yield toEntry({ stream, line, mark: markOf(line, { stream, marks }) }, marks);
  }
}

/** The index of the first mark after a line began; `marks.length` if there is none. */
function markOf(line: Line, { stream, marks }: { stream: typeof STREAMS[number]; marks: Mark[] }): number {
  let [low, high] = [0, marks.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (marks[middle]![stream] > line.start) high = middle;
    else low = middle + 1;
  }
  return low;
}

/**
 * Converts a line to an entry with the time of its mark. After the last mark it gets the time of the file,
 * whose clock may be a little behind.
 */
function toEntry({ stream, line, mark }: Omit<Head, "reader">, marks: Mark[]): LogEntry {
  const written = new Date(line.writtenBy).toISOString();
  const last = marks.at(-1)?.time ?? "";
  const time = marks[mark]?.time ?? (written > last ? written : last);
  return {
    stream,
    time,
    text: line.text,
    ...(line.base64 !== undefined && { base64: line.base64 }),
    ...(line.continues && { continues: true }),
  };
}

async function ringOnChange(watcher: Deno.FsWatcher, listener: Listener): Promise<void> {
  for await (const event of watcher) if (event.kind === "modify" || event.kind === "any") listener.ring();
}
