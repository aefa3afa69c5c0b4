/**
 * Joins the Engine's records to lines. The Engine cuts the output of a container into records: one for each
 * line, or several of 16 KiB for a longer line. All records of a line have the time of its beginning. The log
 * driver `json-file` ends the last record with the line's newline, and damages characters that lie across two
 * records. `local` keeps every byte, but drops that newline. So a line ends with its newline, with a record
 * that is not full, or before a record with another time.
 * @module
 */
import { letterEnd, LOG_LINE_MAX, textOf } from "../log_line.ts";
import type { LogEntry } from "../runner.ts";
import { concat, type Frame } from "./frames.ts";

const NEWLINE = 10;
const STAMP = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)) /;
/** The most characters that STAMP matches. */
const STAMP_MAX = 36;
const LATIN1 = new TextDecoder("latin1");
/** The length of a record whose line continues in the next one. */
const FULL_RECORD = 16 * 1024;

/** Converts records, each with a time in front, to entries. Buffers at most one part of a line per stream. */
export interface LineAssembler {
  /** Returns the entries that this record completes. */
  push(record: Frame): LogEntry[];
  /** Returns the remaining lines without an end, when no more records come. */
  end(): LogEntry[];
}

interface Line {
  time: string | undefined;
  bytes: Uint8Array;
}

/** Creates an assembler. */
export function createLineAssembler(): LineAssembler {
  const held = new Map<Frame["stream"], Line>();
  const entryOf = (stream: Frame["stream"], { time, bytes }: Line, continues: boolean): LogEntry =>
    ({
      stream,
      time,
      ...textOf(bytes),
      ...(continues && { continues }),
    }) as LogEntry;
  return {
    push({ stream, data }) {
      const entries: LogEntry[] = [];
      const stamp = STAMP.exec(LATIN1.decode(data.subarray(0, STAMP_MAX)));
      const hasNewline = data.at(-1) === NEWLINE;
      const bytes = data.subarray(stamp?.[0].length ?? 0, hasNewline ? -1 : undefined);
      let begun = held.get(stream);
      if (begun && stamp && begun.time !== stamp[1]) {
        entries.push(entryOf(stream, begun, false));
        begun = undefined;
      }
      const line = begun
        ? { time: begun.time, bytes: concat(begun.bytes, bytes) }
        : { time: stamp?.[1], bytes };
      while (line.bytes.length > LOG_LINE_MAX) {
        const end = letterEnd(line.bytes, LOG_LINE_MAX);
        entries.push(entryOf(stream, { ...line, bytes: line.bytes.subarray(0, end) }, true));
        line.bytes = line.bytes.subarray(end);
      }
      held.delete(stream);
      if (hasNewline || bytes.length < FULL_RECORD) entries.push(entryOf(stream, line, false));
      // A copy, so that a small part does not keep a large frame in memory.
      else held.set(stream, { ...line, bytes: line.bytes.slice() });
      return entries;
    },
    end() {
      const entries = [...held].map(([stream, line]) => entryOf(stream, line, false));
      held.clear();
      return entries;
    },
  };
}
