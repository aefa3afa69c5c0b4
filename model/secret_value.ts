/** Values of secrets that hold what nobody sees: line ends and marks that an editor or `echo` left there. @module */

/**
 * What is odd about a secret's value, for whoever gives it; undefined where nothing is. Keys and certificates have several lines, and
 * end in one. The value is never repeated.
 */
export function oddLineEnd(value: string): string | undefined {
  if (/^[^\r\n]*\r?\n$/.test(value)) return "ends in a newline, which is then part of the secret";
  if (value.includes("\r")) return "holds carriage returns (\\r), which are then part of the secret";
  if (value.startsWith("\uFEFF")) return "begins with a byte order mark, which is then part of the secret";
  return undefined;
}
