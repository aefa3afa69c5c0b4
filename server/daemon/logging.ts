/** The daemon's log: lines on stdout, as text or JSON. @module */
import { isPlain, plainText } from "../../base/plain_text.ts";
import { configure, getLogger, getTextFormatter, type Logger, type LogRecord } from "@logtape/logtape";
import { writeAllSync } from "../../base/durable.ts";

/** The levels of the log, the quietest last. */
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
/** See {@linkcode LOG_LEVELS}. */
export type LogLevel = typeof LOG_LEVELS[number];

/** The formats of the log. */
export const LOG_FORMATS = ["text", "json"] as const;
/** See {@linkcode LOG_FORMATS}. */
export type LogFormat = typeof LOG_FORMATS[number];

/**
 * Formats a value. Text stays unchanged unless it could look like another log line, or contains control
 * characters.
 */
export const formatValue = (value: unknown, inspect: (value: unknown) => string) =>
  typeof value === "string" && isPlain(value) && !/[\n\t]/.test(value) ? value : inspect(value);

/** Formats a record. All lines after the first are indented, so that none looks like another record. */
export function recordText(text: string): string {
  return plainText(text.trimEnd()).replaceAll("\n", "\n    ") + "\n";
}

/** Formats a record as one line of JSON, with the message as text and its properties as fields. */
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

/** Writes a line. The daemon does not stop if its log cannot be written. */
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
 * @returns the logger of the daemon; its parts use children of it.
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
