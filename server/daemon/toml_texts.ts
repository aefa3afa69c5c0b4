/**
 * TOML with its numbers, dates and truth values as they are written. The parser keeps no source, so the text
 * is given to it a second time with these in quotes.
 * @module
 */
import { parse } from "smol-toml";

/** Strings of the four kinds, comments, marks, and words: keys, numbers, dates. */
const TOKEN = new RegExp(
  [
    String.raw`"""(?:[^"\\]|\\[\s\S]|"(?!""))*"{3,5}`,
    String.raw`'''(?:[^']|'(?!''))*'{3,5}`,
    String.raw`"(?:[^"\\\n]|\\.)*"`,
    String.raw`'[^'\n]*'`,
    String.raw`#[^\n]*`,
    String.raw`[\[\]{}=,\n]`,
    // A date and its time may stand apart.
    String.raw`\d{4}-\d\d-\d\d \d\d:[^\s,\]}#]*`,
    String.raw`[^\s\[\]{}=,"'#]+`,
  ].join("|"),
  "g",
);

/** The text with every bare value in quotes. */
function quoteValues(text: string): string {
  /** What is open around a place: a list, or a table in braces. */
  const open: ("[" | "{")[] = [];
  let inValue = false;
  return text.replace(TOKEN, (token) => {
    switch (token) {
      case "=":
        inValue = true;
        return token;
      case "[":
        if (inValue) open.push("[");
        return token;
      case "{":
        open.push("{");
        inValue = false;
        return token;
      case "]":
      case "}":
        if (open.pop() !== undefined) inValue = open.length > 0;
        return token;
      case ",":
        inValue = open.at(-1) === "[";
        return token;
      case "\n":
        if (open.length === 0) inValue = false;
        return token;
    }
    return inValue && !/^["'#]/.test(token) ? `"${token}"` : token;
  });
}

/**
 * The value of a TOML text with texts alone in it.
 *
 * @param text which the parser takes.
 */
export function parseTomlTexts(text: string): unknown {
  return parse(quoteValues(text));
}
