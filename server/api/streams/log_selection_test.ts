import assert from "node:assert/strict";
import type { LogEntry } from "../../../runners/runner.ts";
import { selectEntries } from "./log_selection.ts";

const at = (second: number) => `2030-01-01T00:00:0${second}Z`;
const entry = (second: number, text: string, more: Partial<LogEntry> = {}): LogEntry => ({
  stream: "stdout",
  time: at(second),
  text,
  ...more,
});

const ENTRIES = [
  entry(1, "a"),
  entry(2, "long-", { continues: true }),
  entry(2, "other", { stream: "stderr" }),
  entry(4, "er-", { continues: true }),
  entry(4, "line"),
  entry(5, "z"),
];

Deno.test("selectEntries() counts lines, not parts, and uses the time at which a line began", () => {
  const texts = (options: Parameters<typeof selectEntries>[1]) =>
    selectEntries(ENTRIES, options).map(({ text }) => text).join(" ");
  assert.equal(texts({}), "a long- er- line other z");
  assert.equal(texts({ tail: 3 }), "long- er- line other z");
  assert.equal(texts({ tail: 2 }), "other z");
  assert.equal(texts({ tail: 0 }), "");
  assert.equal(texts({ tail: 9 }), "a long- er- line other z");
  assert.equal(texts({ since: at(3) }), "z");
  assert.equal(texts({ until: at(3) }), "a long- er- line other");
  assert.equal(texts({ until: at(3), tail: 2 }), "long- er- line other");
});
