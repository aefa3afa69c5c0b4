import assert from "node:assert/strict";
import { UsageError } from "../terminal/exit_codes.ts";
import { createPainter, forTerminal } from "../terminal/paint.ts";
import { createLineJoiner, logFormatter } from "../describe/log_lines.ts";
import { parseTime } from "./logs.ts";

const now = Date.parse("2026-01-31T12:00:00.000Z");

Deno.test("parseTime() reads durations before now, and times", () => {
  assert.equal(parseTime("5m", now), "2026-01-31T11:55:00.000Z");
  assert.equal(parseTime("2026-01-31T13:00:00+01:00", now), "2026-01-31T12:00:00.000Z");
  for (const text of ["yesterday", "2026-99-99", ""]) {
    assert.throws(() => parseTime(text, now), UsageError, text);
  }
});

Deno.test("logFormatter() begins lines with the requested prefixes", () => {
  const line = { instance: "web-0", stream: "stdout", time: "T", text: "hello" } as const;
  const show = (prefix: boolean, timestamps: boolean) =>
    logFormatter({ prefix, timestamps, paint: createPainter(false) }).text(line);
  assert.equal(show(false, false), "hello\n");
  assert.equal(show(false, true), "T hello\n");
  assert.equal(show(true, false), "web-0 hello\n");
  assert.equal(show(true, true), "web-0 T hello\n");
});

Deno.test("logFormatter() gives each instance a colour and keeps it", () => {
  const format = logFormatter({ prefix: true, timestamps: false, paint: createPainter(true) });
  const of = (instance: string) =>
    forTerminal(format.text({ instance, stream: "stdout", text: "" })).slice(0, 5);
  const [first, second, again] = [of("web-0"), of("web-1"), of("web-0")];
  assert.notEqual(first, second);
  assert.equal(first, again);
});

Deno.test("logFormatter() joins the parts of a long line, and ends one that another line cuts short", () => {
  const format = logFormatter({ prefix: true, timestamps: false, paint: createPainter(false) });
  const part = (instance: string, text: string, continues?: true) =>
    format.text({ instance, stream: "stdout", text, ...(continues && { continues }) });
  const shown = part("a", "1", true) + part("a", "2", true) + part("a", "3") + part("a", "4", true) +
    part("b", "5") +
    part("a", "6", true) + format.end() + format.end();
  assert.equal(shown, "a 123\na 4\nb 5\na 6\n");
});

Deno.test("createLineJoiner() joins the parts of a line whatever comes between them, even bytes that are not text", () => {
  const joiner = createLineJoiner();
  const part = (
    stream: "stdout" | "stderr",
    text: string,
    more: { continues?: true; base64?: string } = {},
  ) => joiner.push({ instance: "a", stream, text, time: "T", ...more });
  assert.equal(part("stdout", "é1", { continues: true }), undefined);
  assert.equal(part("stderr", "between")?.text, "between");
  assert.equal(
    part("stdout", "\ufffd", { continues: true, base64: new Uint8Array([0xff]).toBase64() }),
    undefined,
  );
  const line = part("stdout", "é2")!;
  assert.deepEqual([line.text, line.time, line.continues], ["é1\ufffdé2", "T", undefined]);
  const format = logFormatter({ prefix: true, timestamps: false, paint: createPainter(false) });
  const expected = [...new TextEncoder().encode("a é1"), 0xff, ...new TextEncoder().encode("é2\n")];
  assert.deepEqual([...format.bytes(line)], expected);
  assert.equal(part("stdout", "open", { continues: true }), undefined);
  assert.deepEqual(joiner.rest().map(({ text, continues }) => [text, continues]), [["open", undefined]]);
  assert.deepEqual(joiner.rest(), []);
});
