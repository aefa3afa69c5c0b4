/**
 * Text that a terminal shows and does not obey. Names, messages and values come from other people; control characters in them
 * move cursors, set titles, answer as if somebody typed, and hide or reorder what is read.
 * @module
 */

/**
 * What is no plain text: control characters of ASCII and ISO 6429 (a newline and a tab are plain), the separators that some
 * take for newlines, and the marks that turn the direction of text (Unicode 16, 23.2), by which it reads as what it is not.
 */
// deno-lint-ignore no-control-regex
const UNSAFE = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** The source of a regular expression that matches one unsafe letter. */
export const UNSAFE_LETTER: string = UNSAFE.source;

/** An unsafe letter as JSON and YAML write it, so that a document means the same with it. */
export function escapeLetter(letter: string): string {
  return `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** Whether a text is plain already. */
export function isPlain(text: string): boolean {
  return text.search(UNSAFE) < 0;
}

/** The text with everything that is not plain written out, `\u001b`. Newlines and tabs stay. */
export function plainText(text: string): string {
  return text.replace(UNSAFE, escapeLetter);
}

/** The text as a part of one line of output. */
export function oneLine(text: string): string {
  return text.replace(/[\n\t]+/g, " ");
}
