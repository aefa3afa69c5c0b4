/** The daemon's own log: lines on stdout, as text or JSON. @module */
import { isPlain, plainText } from "../../base/plain_text.ts";
import { configure, getLogger, getTextFormatter, type Logger, type LogRecord } from "@logtape/logtape";
import { writeAllSync } from "../../base/durable.ts";

/** Levels of the log, quietest last. */
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
/** See {@linkcode LOG_LEVELS}. */
export type LogLevel = typeof LOG_LEVELS[number];

/** Forms of the log. */
export const LOG_FORMATS = ["text", "json"] as const;
/** See {@linkcode LOG_FORMATS}. */
export type LogFormat = typeof LOG_FORMATS[number];

/** Text as it is, unless it could pass for another line of the log, or is no plain text. */
export const formatValue = (value: unknown, inspect: (value: unknown) => string) =>
  typeof value === "string" && isPlain(value) && !/[\n\t]/.test(value) ? value : inspect(value);

/**
 * One record as it is written: what follows its first line is indented, so that nothing in it passes for
 * another record.
 */
export function recordText(text: string): string {
  return plainText(text.trimEnd()).replaceAll("\n", "\n    ") + "\n";
}

/** One line of JSON: the message in words, and its parts as fields. */
export function formatJson({ timestamp, level, category, message, properties }: LogRecord): string {
  const text = message.map((part, i) => i % 2 === 0 ? part : formatValue(part, Deno.inspect)).join("");
  const fields = Object.entries(properties).map(([key, value]) => [
    key,
    value instanceof Error ? value.stack ?? value.message : value,
  ]);
  return JSON.stringify({
    ...Object.fromEntries(fields),
    time: new Date(timestamp).toISOString(),
    level: level === "warning" ? "warn" : level,
    logger: category.join("."),
    message: text,
  }) + "\n";
}

const encoder = new TextEncoder();

/** Writes all of a line; a log that nobody can read any more is no reason to stop. */
function writeLine(line: string): void {
  try {
    writeAllSync(Deno.stdout, encoder.encode(line));
  } catch {
    // stdout is closed or full.
  }
}

/**
 * Sends the program's log to stdout.
 *
 * @returns the logger of the daemon; its parts take children of it.
 */
export async function startLogging(options: { level: LogLevel; format: LogFormat }): Promise<Logger> {
  const format = options.format === "json"
    ? formatJson
    : getTextFormatter({ timestamp: "rfc3339", level: "full", category: ".", value: formatValue });
  const lowestLevel = options.level === "warn" ? "warning" : options.level;
  await configure({
    reset: true,
    sinks: { stdout: (record) => writeLine(recordText(format(record))) },
    loggers: [
      { category: "rune", lowestLevel, sinks: ["stdout"] },
      { category: ["logtape", "meta"], lowestLevel: "error", sinks: ["stdout"] },
    ],
  });
  return getLogger("rune");
}
