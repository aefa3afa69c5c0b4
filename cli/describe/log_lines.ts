/**
 * Formats log lines for people and programs: joins the parts of long lines and adds the requested prefixes.
 * @module
 */
import type { LogLine } from "../../model/api.ts";
import { type Paint, PREFIX_STYLES, withColours } from "../terminal/paint.ts";

/** How many bytes of an unfinished line to hold back. Longer lines are printed as they arrive. */
const MAX_HELD = 4 * 1024 * 1024;

const encoder = new TextEncoder();

/** The bytes of a line exactly as printed, even if they are not text. */
export function bytesOf({ text, base64 }: Pick<LogLine, "text" | "base64">): Uint8Array {
  return base64 === undefined ? encoder.encode(text) : Uint8Array.fromBase64(base64);
}

/** Joins the parts of long lines, whatever arrives between them. */
export interface LineJoiner {
  /**
   * The line that this part completes; undefined while it continues. A very long line still comes in parts.
   */
  push(line: LogLine): LogLine | undefined;
  /** Lines whose end never came. */
  rest(): LogLine[];
}

/** Creates a joiner. It holds at most 4 MiB of each instance and stream. */
export function createLineJoiner(): LineJoiner {
  const held = new Map<string, { parts: LogLine[]; bytes: number }>();
  return {
    push(line) {
      const key = `${line.instance} ${line.stream}`;
      const begun = held.get(key);
      if (!begun && !line.continues) return line;
      const { parts, bytes } = begun ?? { parts: [], bytes: 0 };
      parts.push(line);
      const now = bytes + line.text.length;
      if (line.continues && now < MAX_HELD) {
        held.set(key, { parts, bytes: now });
        return undefined;
      }
      held.delete(key);
      return joinParts(parts);
    },
    rest() {
      const lines = [...held.values()].map(({ parts }) => joinParts(parts));
      held.clear();
      return lines.map(({ continues: _, ...line }) => line);
    },
  };
}

/** Joins parts into one line, with the time of the first and the end of the last. */
function joinParts(parts: LogLine[]): LogLine {
  const { continues: _, base64: _b, ...first } = parts[0]!;
  const text = parts.map((part) => part.text).join("");
  const continues = parts.at(-1)!.continues;
  const line = { ...first, text, ...(continues && { continues }) };
  if (parts.every((part) => part.base64 === undefined)) return line;
  const bytes = concat(parts.map(bytesOf));
  return { ...line, base64: bytes.toBase64() };
}

function concat(arrays: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(arrays.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const array of arrays) {
    whole.set(array, at);
    at += array.length;
  }
  return whole;
}

/** Turns log lines into output. */
export interface LogFormatter {
  /** For a terminal: colours, but no other control sequences. */
  text(line: LogLine): string;
  /** For a file or pipe: byte for byte as printed. */
  bytes(line: LogLine): Uint8Array;
  /** Ends a line that is still open. */
  end(): string;
}

/**
 * Creates a formatter. The rest of a very long line continues on the same output line if nothing came
 * between.
 */
export function logFormatter(
  options: { prefix: boolean; timestamps: boolean; paint: Paint },
): LogFormatter {
  const styles = new Map<string, number>();
  /** Whose line is still open. */
  let open: string | undefined;
  const formatStart = ({ instance, time }: LogLine) => {
    const at = options.timestamps ? `${time ?? "-"} ` : "";
    if (!options.prefix) return at;
    if (!styles.has(instance)) styles.set(instance, styles.size);
    const style = PREFIX_STYLES[styles.get(instance)! % PREFIX_STYLES.length];
    return `${options.paint(style, instance)} ${at}`;
  };
  const end = () => {
    const left = open === undefined ? "" : "\n";
    open = undefined;
    return left;
  };
  const frameLine = (line: LogLine): [before: string, after: string] => {
    const key = `${line.instance} ${line.stream}`;
    const before = open === key ? "" : end() + formatStart(line);
    open = line.continues ? key : undefined;
    return [before, line.continues ? "" : "\n"];
  };
  return {
    text(line) {
      const [before, after] = frameLine(line);
      return `${before}${withColours(line.text)}${after}`;
    },
    bytes(line) {
      const [before, after] = frameLine(line);
      return concat([encoder.encode(before), bytesOf(line), encoder.encode(after)]);
    },
    end,
  };
}
