import assert from "node:assert/strict";
import { formatJson, formatValue, recordText } from "./logging.ts";

Deno.test("formatJson() writes one line whose standard fields no property can replace", () => {
  const line = formatJson({
    timestamp: Date.UTC(2026, 0, 31),
    level: "warning",
    category: ["rune", "http"],
    message: ["request ", "r\n1", " failed", 3, ""],
    rawMessage: "",
    properties: { requestId: "r\n1", message: "inner", error: new TypeError("broken") },
  });
  assert.equal(line.indexOf("\n"), line.length - 1);
  const { error, ...fields } = JSON.parse(line);
  assert.deepEqual(fields, {
    requestId: "r\n1",
    time: "2026-01-31T00:00:00.000Z",
    level: "warn",
    logger: "rune.http",
    message: 'request "r\\n1" failed3',
  });
  assert.match(error, /TypeError: broken/);
});

Deno.test("formatValue() quotes only text that could look like another line", () => {
  assert.equal(formatValue("plain text", Deno.inspect), "plain text");
  assert.equal(formatValue("a\nb", Deno.inspect), '"a\\nb"');
  assert.equal(formatValue(3, Deno.inspect), "3");
});

Deno.test("recordText() prevents text in a record from looking like another record or controlling a terminal", () => {
  const forged = "2026 [info] rune: a\n2026 [info] rune: forged\r\x1b]0;x\x07\x9b2J\u202e\n";
  assert.equal(
    recordText(forged),
    "2026 [info] rune: a\n    2026 [info] rune: forged\\u000d\\u001b]0;x\\u0007\\u009b2J\\u202e\n",
  );
  assert.deepEqual(JSON.parse(recordText(JSON.stringify({ m: "\x9b\n" }))), { m: "\x9b\n" });
});
