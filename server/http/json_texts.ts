/**
 * Parses JSON and keeps the original texts of numbers such as `1.10` and `90071992547409931`, which
 * `JSON.parse` changes.
 * @module
 */

const NUMBER = /-?\d[\d.eE+-]*/y;

/** The offset after the string that begins at `at`. */
function stringEnd(text: string, at: number): number {
  for (let quote = text.indexOf('"', at + 1); quote >= 0; quote = text.indexOf('"', quote + 1)) {
    let backslashes = 0;
    while (text[quote - 1 - backslashes] === "\\") backslashes++;
    if (backslashes % 2 === 0) return quote + 1;
  }
  return text.length;
}

/**
 * Parses a JSON text, and replaces each number that JavaScript would write differently by its original text.
 *
 * @param text a text that `JSON.parse` accepts.
 */
export function parseJsonTexts(text: string): unknown {
  const begin = /["\d-]/g;
  const parts: string[] = [];
  let copied = 0;
  for (let match = begin.exec(text); match; match = begin.exec(text)) {
    if (match[0] === '"') {
      begin.lastIndex = stringEnd(text, match.index);
      continue;
    }
    NUMBER.lastIndex = match.index;
    const [number] = NUMBER.exec(text)!;
    begin.lastIndex = match.index + number.length;
    if (String(Number(number)) === number) continue;
    parts.push(text.slice(copied, match.index), `"${number}"`);
    copied = begin.lastIndex;
  }
  return JSON.parse(copied === 0 ? text : parts.join("") + text.slice(copied));
}
