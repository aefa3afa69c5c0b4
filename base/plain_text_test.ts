import assert from "node:assert/strict";
import { isPlain, plainText } from "./plain_text.ts";

Deno.test("plainText() escapes what a terminal would obey, and leaves everything else", () => {
  assert.equal(plainText("a\x1b]0;title\x07b"), "a\\u001b]0;title\\u0007b");
  assert.equal(
    plainText("\x9b2J \x7f \r \u202etxt.exe \u2066 \u2028 \ufeff"),
    "\\u009b2J \\u007f \\u000d \\u202etxt.exe \\u2066 \\u2028 \\ufeff",
  );
  const fine = "tab\there, line\nbreak, größe, 日本, 🙂, שלום";
  assert.equal(plainText(fine), fine);
  assert.deepEqual([isPlain(fine), isPlain("\u009b"), isPlain("\x1b")], [true, false, false]);
});

Deno.test("plainText() keeps the meaning of a JSON document", () => {
  const value = { "k\x7f": "\x1b[31m\x9b\u202e\u2028", fine: "ü\n" };
  const text = plainText(JSON.stringify(value));
  assert.ok(isPlain(text));
  assert.deepEqual(JSON.parse(text), value);
});
