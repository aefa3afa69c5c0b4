import { strict as assert } from "node:assert";
import { describeCounts, readCounts } from "./coverage.ts";

const record = (file: string, [found, run]: number[], [branches, taken]: number[]) =>
  `SF:/x/${file}\nBRF:${branches}\nBRH:${taken}\nLF:${found}\nLH:${run}\nend_of_record\n`;

Deno.test("readCounts() adds up lines and branches of product files only", () => {
  const counts = readCounts(
    record("model/name.ts", [10, 5], [4, 1]) + record("base/delay.ts", [30, 30], [0, 0]) +
      record("model/name_test.ts", [9, 9], [0, 0]) +
      record("drivers/testing/memory_driver.ts", [9, 9], [0, 0]) +
      record("runners/docker/test_image.ts", [9, 9], [0, 0]) +
      record("drivers/conformance_tree.ts", [9, 9], [0, 0]),
  );
  assert.deepEqual(counts, { files: 2, lines: { found: 40, run: 35 }, branches: { found: 4, run: 1 } });
  assert.equal(
    describeCounts(counts),
    "coverage by the fast tests: 87.5 % of lines, 25.0 % of branches, in 2 files",
  );
});
