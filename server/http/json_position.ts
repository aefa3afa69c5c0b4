/** Finds the position of a mistake in JSON, which the runtime's parser often does not report. @module */

const TOKEN =
  // deno-lint-ignore no-control-regex -- JSON forbids them in strings
  /[ \t\r\n]*(?:([{}[\],:])|("[^"\\\x00-\x1f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*)*")|(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.]))/y;

/** The tokens that may follow. */
type Expected = "value" | "value or ]" | "key" | "key or }" | ":" | "more" | "end";

/** The offset of the first mistake, or the length of the text if it ends too early. */
function errorOffset(text: string): number {
  const open: ("{" | "[")[] = [];
  let expected: Expected = "value";
  let at = 0;
  const expectAfterClose = (): Expected => open.length === 0 ? "end" : "more";
  for (;;) {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(text);
    const start = at + /^[ \t\r\n]*/.exec(text.slice(at, at + 1000))![0].length;
    if (!match) return start;
    const [whole, mark, string] = match;
    const inObject = open.at(-1) === "{";
    if (mark === "}" || mark === "]") {
      const ends = expected === "more" ? (mark === "}") === inObject : expected.endsWith(mark);
      if (!ends) return start;
      open.pop();
      expected = expectAfterClose();
    } else if (mark === ",") {
      if (expected !== "more") return start;
      expected = inObject ? "key" : "value";
    } else if (mark === ":") {
      if (expected !== ":") return start;
      expected = "value";
    } else if (expected.startsWith("key")) {
      if (string === undefined) return start;
      expected = ":";
    } else if (!expected.startsWith("value")) return start;
    else if (mark === undefined) expected = expectAfterClose();
    else {
      open.push(mark as "{" | "[");
      expected = mark === "{" ? "key or }" : "value or ]";
    }
    at += whole.length;
  }
}

/**
 * How many characters are searched. A person would not look further, and the daemon has other requests to
 * answer.
 */
const LOOKED_AT = 1024 * 1024;
/** A string without an end. */
const OPEN_STRING = /^"[^"\\]*(?:\\.[^"\\]*)*$/s;
/** The longest number or word that is searched. */
const TOKEN_LENGTH = 64;

/**
 * The position of the mistake in a text that `JSON.parse` refused: `line 2, column 15`, or `after line 2` if
 * it is far into it.
 */
export function jsonErrorPlace(text: string): string {
  const head = text.slice(0, LOOKED_AT);
  const offset = errorOffset(head);
  let line = 1;
  let start = 0;
  for (let at = head.indexOf("\n"); at >= 0 && at < offset; at = head.indexOf("\n", start)) {
    line++;
    start = at + 1;
  }
  const rest = head.slice(offset);
  const cut = head.length < text.length && (rest.length < TOKEN_LENGTH || OPEN_STRING.test(rest));
  return cut ? `after line ${line}` : `line ${line}, column ${offset - start + 1}`;
}
