/**
 * Parses TOML and keeps the original texts of numbers, dates and booleans. The parser does not keep them, so
 * it parses the text a second time with these values in quotes.
 * @module
 */
import { parse } from "smol-toml";

/** Tokens: the four kinds of strings, comments, punctuation, and words such as keys, numbers and dates. */
const TOKEN = new RegExp(
  [
    String.raw`"""(?:[^"\\]|\\[\s\S]|"(?!""))*"{3,5}`,
    String.raw`'''(?:[^']|'(?!''))*'{3,5}`,
    String.raw`"(?:[^"\\\n]|\\.)*"`,
    String.raw`'[^'\n]*'`,
    String.raw`#[^\n]*`,
    String.raw`[\[\]{}=,\n]`,
    // A space may separate a date from its time.
    String.raw`\d{4}-\d\d-\d\d \d\d:[^\s,\]}#]*`,
    String.raw`[^\s\[\]{}=,"'#]+`,
  ].join("|"),
  "g",
);

/** Puts every bare value into quotes. */
function quoteValues(text: string): string {
  /** The open brackets around a position: of lists, and of inline tables. */
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
 * Parses a TOML text into a value whose scalars are all texts.
 *
 * @param text a text that the parser accepts.
 */
export function parseTomlTexts(text: string): unknown {
  return parse(quoteValues(text));
}
