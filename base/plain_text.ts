/**
 * Makes text safe to show on a terminal. Names, messages and values come from other people. Control
 * characters in them can move the cursor, set the title, answer as if somebody typed, and hide or reorder
 * what is read.
 * @module
 */

/**
 * Characters that are not plain text: the control characters of ASCII and ISO 6429 except newline and tab,
 * the separators that some programs take for newlines, and the marks that change the direction of text
 * (Unicode 16, 23.2).
 */
// deno-lint-ignore no-control-regex
const UNSAFE = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** The source of a regular expression that matches one unsafe character. */
export const UNSAFE_LETTER: string = UNSAFE.source;

/** Escapes an unsafe character the way JSON and YAML do, so that a document keeps its meaning. */
export function escapeLetter(letter: string): string {
  return `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** Whether a text holds no unsafe characters. */
export function isPlain(text: string): boolean {
  return text.search(UNSAFE) < 0;
}

/** The text with each unsafe character escaped, as in `\u001b`. Newlines and tabs stay. */
export function plainText(text: string): string {
  return text.replace(UNSAFE, escapeLetter);
}

/** The text on a single line of output. */
export function oneLine(text: string): string {
  return text.replace(/[\n\t]+/g, " ");
}
