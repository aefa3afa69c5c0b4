/** Finds where a text stops being JSON: the runtime's own parser often does not say. @module */

const TOKEN =
  // deno-lint-ignore no-control-regex -- JSON forbids them in strings
  /[ \t\r\n]*(?:([{}[\],:])|("[^"\\\x00-\x1f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*)*")|(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.]))/y;

/** Which tokens may follow. */
type Expected = "value" | "value or ]" | "key" | "key or }" | ":" | "more" | "end";

/** The offset of the first thing that is not JSON; the length of the text when it ends too early. */
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

/** Characters that are looked at: nobody reads on beyond, and the daemon has others to answer. */
const LOOKED_AT = 1024 * 1024;
/** A string that begins and does not end. */
const OPEN_STRING = /^"[^"\\]*(?:\\.[^"\\]*)*$/s;
/** The longest number or word that is not looked at in full. */
const TOKEN_LENGTH = 64;

/**
 * `line 2, column 15`: where a text that `JSON.parse` refused goes wrong; `after line 2` where that is far
 * into it.
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
