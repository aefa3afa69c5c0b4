/** Colours and moves of the cursor, for terminals only, and the way by which they alone get there. @module */
import { escapeLetter, UNSAFE_LETTER } from "../../base/plain_text.ts";

/** Marks what this program itself tells the terminal. Nobody outside of this run can know it. */
const KEY = crypto.randomUUID();

const MARKS = new RegExp(`\\x1b${KEY}(\\[[0-9;]*[A-Za-z])|${UNSAFE_LETTER}`, "g");

/**
 * An escape sequence that may reach the terminal.
 * @param sequence what follows ESC: `[`, numbers, a letter.
 */
export function escape(sequence: string): string {
  return `\x1b${KEY}${sequence}`;
}

/**
 * A text as a terminal gets it: the escape sequences that `escape` made, and otherwise nothing but plain
 * text.
 */
export function forTerminal(text: string): string {
  return text.replace(
    MARKS,
    (letter, sequence) => sequence === undefined ? escapeLetter(letter) : `\x1b${sequence}`,
  );
}

/** A text of a workload, of whose escape sequences the colours may reach the terminal. */
export function withColours(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/\x1b(\[[0-9;]*m)/g, (_, sequence) => escape(sequence));
}

const CODES = { green: 32, yellow: 33, red: 31, cyan: 36, magenta: 35, blue: 34, dim: 2, bold: 1 } as const;
/** A style of text. */
export type Style = keyof typeof CODES;

/** Puts a style on a text, or leaves it alone. */
export type Paint = (style: Style | undefined, text: string) => string;

/** @param enabled a terminal reads it and nobody asked for plain text. */
export function painter(enabled: boolean): Paint {
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

/** The style of a state as status columns show it; undefined for plain. */
export function styleOfState(state: string): Style | undefined {
  return STATES[state];
}

/** Styles that tell the instances of a service apart. */
export const PREFIX_STYLES: Style[] = ["cyan", "magenta", "blue", "green", "yellow"];
