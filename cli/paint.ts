/** Colours, for terminals only. @module */

const CODES = { green: 32, yellow: 33, red: 31, cyan: 36, magenta: 35, blue: 34, dim: 2, bold: 1 } as const;
/** A style of text. */
export type Style = keyof typeof CODES;

/** Puts a style on a text, or leaves it alone. */
export type Paint = (style: Style | undefined, text: string) => string;

/** @param enabled a terminal reads it and nobody asked for plain text. */
export function painter(enabled: boolean): Paint {
  if (!enabled) return (_, text) => text;
  return (style, text) => style === undefined || text === "" ? text : `\x1b[${CODES[style]}m${text}\x1b[0m`;
}

const STATES: Record<string, Style> = {
  Running: "green",
  Available: "green",
  Bound: "green",
  Ready: "green",
  Failed: "red",
  Stalled: "red",
  Unhealthy: "red",
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
