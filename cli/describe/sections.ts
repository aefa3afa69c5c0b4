/**
 * The layout of a description: aligned `Label: value` lines, and indented sections under headings.
 * @module
 */
import { formatAge } from "../../model/format.ts";
import type { Paint } from "../terminal/paint.ts";
import { styleOfState } from "../terminal/paint.ts";

/** A label and its value. Lines with an undefined or empty value are left out. */
export type Line = [label: string, value: string | number | boolean | undefined];

/** Aligned lines. */
export function formatLines(entries: Line[]): string {
  const shown = entries.filter(([, value]) => value !== undefined && value !== "");
  const width = Math.max(0, ...shown.map(([label]) => label.length)) + 1;
  return shown.map(([label, value]) =>
    `${`${label}:`.padEnd(width)}  ${String(value).replaceAll("\n", "\n" + " ".repeat(width + 2))}\n`
  ).join("");
}

/** A heading with indented text; empty if the text is empty. */
export function formatPart(heading: string, text: string): string {
  if (text === "") return "";
  return `\n${heading}:\n${text.trimEnd().split("\n").map((line) => `  ${line}`).join("\n")}\n`;
}

/** `3h20m ago (2026-01-31T12:00:00.000Z)`. */
export function formatMoment(time: string | undefined, now: number): string | undefined {
  return time === undefined ? undefined : `${formatAge(now - Date.parse(time))} ago (${time})`;
}

/** `Degraded (CrashLoop): message`, with the state coloured. */
export function formatCondition(
  status: { state: string; reason?: string; message?: string },
  options: { paint: Paint; deleting: boolean },
): string {
  const state = options.deleting ? "Deleting" : status.state;
  const reason = status.reason === undefined ? "" : ` (${status.reason})`;
  const message = status.message === undefined ? "" : `: ${status.message}`;
  return options.paint(styleOfState(state), state) + reason + message;
}

/** `a=1, b=2`. */
export function formatPairs(map: Record<string, string> | undefined): string {
  return Object.entries(map ?? {}).map(([key, value]) => `${key}=${value}`).join(", ");
}

/** A command line as one would type it in a shell. */
export function shellWords(words: string[]): string {
  return words.map((word) => /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)
    .join(" ");
}
