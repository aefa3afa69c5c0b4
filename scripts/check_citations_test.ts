import assert from "node:assert/strict";
import { checkCitations } from "./check_citations.ts";

const FILES = [
  "docs/storage.md",
  "docs/decisions/0002-leases-are-resources.md",
  "server/daemon/daemon.ts",
  "a/b.ts",
];
// Built from parts, so that this file passes the check.
const ELSEWHERE = ["SP" + "EC 4.2", "DES" + 'IGN, "Controllers"', "seed" + " 001", "FA" + "CTS"];

Deno.test("checkCitations() takes paths from the root, from beside, and by their last parts", () => {
  for (
    const text of [
      "// See docs/storage.md and server/daemon/daemon.ts.",
      "/** `daemon.ts` builds it: docs/decisions/0002. */",
      "// decision 0002; a file `<path>_test.ts`, or `*_test.ts`, or of `Deno.test`.",
      'import "./gone.ts";\nconst text = "docs/gone.md";',
    ]
  ) {
    assert.deepEqual(checkCitations("a/b.ts", text, FILES), [], text);
  }
  assert.deepEqual(
    checkCitations("docs/storage.md", "[why](decisions/0002-leases-are-resources.md)", FILES),
    [],
  );
});

Deno.test("checkCitations() refuses files and decisions that are not there", () => {
  const text = "/**\n * See docs/gone.md.\n */\nconst a = 1; // as gone.ts does\n// docs/deci" + "sions/0099";
  assert.deepEqual(checkCitations("a/b.ts", text, FILES), [
    "a/b.ts:2: there is no docs/gone.md",
    "a/b.ts:4: there is no gone.ts",
    "a/b.ts:5: there is no decision 0099",
  ]);
  assert.equal(checkCitations("docs/storage.md", "[x](gone.md), `server/gone.ts`", FILES).length, 2);
});

Deno.test("checkCitations() refuses documents that readers do not have", () => {
  for (const cited of ELSEWHERE) {
    assert.equal(checkCitations("a/b.ts", `// What it is (${cited}).`, FILES).length, 1, cited);
  }
  assert.deepEqual(checkCitations("a/b.ts", "// the seed 1, and a spec", FILES), []);
});
