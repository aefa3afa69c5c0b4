import assert from "node:assert/strict";
import { formatAge, parseDuration } from "./duration.ts";
import { formatTimeLeft } from "./format.ts";

Deno.test("parseDuration() reads one or several units", () => {
  const table: [string, number][] = [
    ["500ms", 500],
    ["30s", 30_000],
    ["5m", 300_000],
    ["2h", 7_200_000],
    ["30d", 2_592_000_000],
    ["1h30m", 5_400_000],
    ["0", 0],
    ["0.5s", 500],
  ];
  for (const [text, ms] of table) assert.equal(parseDuration(text), ms, text);
});

Deno.test("parseDuration() refuses a number without a unit and unknown units", () => {
  for (const text of ["", "5", "5w", "m", "-1s", "1s ", "1 s"]) {
    assert.throws(() => parseDuration(text), { code: "invalid_argument" }, text);
  }
});

Deno.test("formatAge() shows at most two units, the way kubectl does", () => {
  const table: [number, string][] = [
    [-5, "0s"],
    [999, "0s"],
    [45_000, "45s"],
    [119_000, "119s"],
    [125_000, "2m5s"],
    [3_600_000, "60m"],
    [7_200_000 + 20 * 60_000, "2h20m"],
    [47 * 3_600_000, "47h"],
    [52 * 3_600_000, "2d4h"],
    [20 * 86_400_000, "20d"],
  ];
  for (const [ms, text] of table) assert.equal(formatAge(ms), text, String(ms));
});

Deno.test("formatTimeLeft() rounds up, so that a span that just began shows its full length", () => {
  const day = 86_400_000;
  assert.equal(formatTimeLeft(30 * day - 900), "30d");
  assert.equal(formatTimeLeft(day - 20_000), "24h");
  assert.equal(formatTimeLeft(59_001), "60s");
});
