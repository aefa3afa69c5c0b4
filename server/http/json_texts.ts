/**
 * Numbers of a JSON text as they are written: `1.10` and `90071992547409931`, which `JSON.parse` rounds.
 * @module
 */

const NUMBER = /-?\d[\d.eE+-]*/y;

/** Where a string that begins at `at` ends, its closing quote included. */
function stringEnd(text: string, at: number): number {
  for (let quote = text.indexOf('"', at + 1); quote >= 0; quote = text.indexOf('"', quote + 1)) {
    let backslashes = 0;
    while (text[quote - 1 - backslashes] === "\\") backslashes++;
    if (backslashes % 2 === 0) return quote + 1;
  }
  return text.length;
}

/**
 * The value of a JSON text, with a text in the place of each number that JavaScript would write otherwise.
 *
 * @param text what `JSON.parse` takes.
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
