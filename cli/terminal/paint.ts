/** Colours and cursor movement, only for terminals, and the only way to send them there. @module */
import { escapeLetter, UNSAFE_LETTER } from "../../base/plain_text.ts";

/** Marks this program's own control sequences. Nobody outside this run can know it. */
const KEY = crypto.randomUUID();

const MARKS = new RegExp(`\\x1b${KEY}(\\[[0-9;]*[A-Za-z])|${UNSAFE_LETTER}`, "g");

/**
 * An escape sequence that may reach the terminal. @param sequence the part after ESC: `[`, numbers, a letter.
 */
export function escape(sequence: string): string {
  return `\x1b${KEY}${sequence}`;
}

/**
 * A text as the terminal receives it: escape sequences from {@linkcode escape}, and otherwise only plain
 * text.
 */
export function forTerminal(text: string): string {
  return text.replace(
    MARKS,
    (letter, sequence) => sequence === undefined ? escapeLetter(letter) : `\x1b${sequence}`,
  );
}

/** A workload's output, of whose escape sequences only colours reach the terminal. */
export function withColours(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/\x1b(\[[0-9;]*m)/g, (_, sequence) => escape(sequence));
}

const CODES = { green: 32, yellow: 33, red: 31, cyan: 36, magenta: 35, blue: 34, dim: 2, bold: 1 } as const;
/** A style of text. */
export type Style = keyof typeof CODES;

/** Applies a style to a text, or returns it unchanged. */
export type Paint = (style: Style | undefined, text: string) => string;

/** @param enabled whether a terminal reads it and colours are not disabled. */
export function createPainter(enabled: boolean): Paint {
  if (!enabled) return (_, text) => text;
  return (style, text) =>
    style === undefined || text === "" ? text : `${escape(`[${CODES[style]}m`)}${text}${escape("[0m")}`;
}

const STATES: Record<string, Style> = {
  Running: "green",
  Available: "green",
  Bound: "green",
  Ready: "green",
  Completed: "green",
  Failed: "red",
  Stalled: "red",
  Unhealthy: "red",
  Paused: "red",
  Warning: "yellow",
  Degraded: "yellow",
  Pending: "yellow",
  Starting: "yellow",
  Provisioning: "yellow",
  Creating: "yellow",
  Deleting: "yellow",
  Stopping: "yellow",
  Stopped: "dim",
  Released: "dim",
};

/** The style of a state in status columns; undefined for plain. */
export function styleOfState(state: string): Style | undefined {
  return STATES[state];
}

/** Styles to distinguish the instances of a service. */
export const PREFIX_STYLES: Style[] = ["cyan", "magenta", "blue", "green", "yellow"];
