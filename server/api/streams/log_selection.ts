/** Selects log entries by time, and by lines from the end. @module */
import type { LogEntry, LogOptions } from "../../../runners/runner.ts";
import { lineStarts } from "../../../model/log_line.ts";

/** Returns the entries of the last `tail` lines between `since` and `until`. Lines stay whole. */
export function selectEntries(
  entries: LogEntry[],
  { since, until, tail }: Pick<LogOptions, "since" | "until" | "tail">,
): LogEntry[] {
  const from = since === undefined ? -Infinity : Date.parse(since);
  const to = until === undefined ? Infinity : Date.parse(until);
  const starts = lineStarts();
  const lines: LogEntry[][] = [];
  const last = new Map<LogEntry["stream"], LogEntry[]>();
  for (const entry of entries) {
    if (!starts(entry)) {
      last.get(entry.stream)?.push(entry);
      continue;
    }
    const line = [entry];
    last.set(entry.stream, line);
    const at = entry.time === undefined ? from : Date.parse(entry.time);
    if (at >= from && at <= to) lines.push(line);
  }
  return lines.slice(Math.max(0, lines.length - (tail ?? lines.length))).flat();
}
