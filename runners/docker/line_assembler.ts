/**
 * Lines out of the Engine's records. The Engine cuts what a container prints into records of a line, or of 16
 * KiB of a longer one; all records of one line carry one time, that of its beginning. The log driver
 * `json-file` ends the last of them with the line's newline, and breaks letters that lie across two records;
 * `local` keeps every byte, and forgets that newline. So a line has ended with its newline, with a record
 * that is shorter than a full one, or with one of another time.
 * @module
 */
import { letterEnd, LOG_LINE_MAX, textOf } from "../log_line.ts";
import type { LogEntry } from "../runner.ts";
import { concat, type Frame } from "./frames.ts";

const NEWLINE = 10;
const STAMP = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)) /;
/** The longest that STAMP matches. */
const STAMP_MAX = 36;
const LATIN1 = new TextDecoder("latin1");
/** Bytes of a record that its line goes on after. */
const FULL_RECORD = 16 * 1024;

/** Makes entries of records, each with a time in front. Holds at most one part of a line of each stream. */
export interface LineAssembler {
  /** The entries that this record completes. */
  push(record: Frame): LogEntry[];
  /** What is left when nothing more comes: lines without an end. */
  end(): LogEntry[];
}

interface Line {
  time: string | undefined;
  bytes: Uint8Array;
}

/** Makes one. */
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
      // A copy: part of a large frame must not keep all of it.
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
