import assert from "node:assert/strict";
import { compare, formatMs, formatTable, makeSkippedRow, median } from "./measurement.ts";

Deno.test("median() is independent of the order", () => {
  assert.equal(median([9, 1, 5]), 5);
  assert.equal(median([4, 1, 2, 3]), 2.5);
});

Deno.test("compare() compares the ratio of the medians with the limit", () => {
  const series = { ours: [110, 100, 900], other: [100, 100, 100], otherName: "raw", limit: 1.1 };
  assert.equal(compare("x", series).met, true);
  assert.equal(compare("x", { ...series, limit: 1.09 }).met, false);
});

Deno.test("formatMs() keeps two or three figures", () => {
  assert.deepEqual([3.14, 42.4, 999, 1234].map(formatMs), ["3.1 ms", "42 ms", "999 ms", "1.23 s"]);
});

Deno.test("formatTable() aligns columns and shows a miss as a miss", () => {
  const miss = compare("a", { ours: [3], other: [1], otherName: "raw", limit: 2 });
  const table = formatTable([miss, makeSkippedRow("longer", "not here")]).split("\n");
  assert.equal(new Set(table.map((line) => line.length)).size, 1);
  assert.match(table[2]!, /^\| a +\| 3\.0 ms +\| raw 1\.0 ms +\| 3\.00 +\| ≤ 2 × +\| MISS +\|$/);
});
