/**
 * Detects invisible characters in secret values: line ends and byte order marks that an editor or `echo`
 * left.
 * @module
 */

/**
 * A warning for the author of a secret's value, or undefined. Keys and certificates have several lines and
 * end with a newline, so they are fine. The warning never repeats the value.
 */
export function oddLineEnd(value: string): string | undefined {
  if (/^[^\r\n]*\r?\n$/.test(value)) return "ends in a newline, which is then part of the secret";
  if (value.includes("\r")) return "holds carriage returns (\\r), which are then part of the secret";
  if (value.startsWith("\uFEFF")) return "begins with a byte order mark, which is then part of the secret";
  return undefined;
}
