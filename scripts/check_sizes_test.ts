import assert from "node:assert/strict";
import { checkSizes } from "./check_sizes.ts";

const files = (...lines: number[]) => new Map(lines.map((n, i) => [`a/${i}.ts`, n]));

Deno.test("checkSizes() refuses a file that is too long, by name", () => {
  assert.deepEqual(checkSizes(files(400, ...Array(10).fill(50))).found, []);
  assert.deepEqual(checkSizes(files(401, ...Array(10).fill(50))).found, [
    "a/0.ts: 401 lines, at most 400: two files that have not met yet",
  ]);
});

Deno.test("checkSizes() refuses a program whose files have grown, and says how large they are", () => {
  assert.match(checkSizes(files(91, 91, 91)).found.join(), /the median is 91 lines, at most 90/);
  const many = checkSizes(files(...Array(8).fill(50), 221, 221));
  assert.deepEqual(many.found, ["nine files in ten have up to 221 lines, at most 220"]);
  assert.equal(many.figures, "10 files, median 50, p90 221 lines");
});
