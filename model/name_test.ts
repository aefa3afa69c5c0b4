import assert from "node:assert/strict";
import { isName, parseNameRef } from "./name.ts";

Deno.test("isName() accepts DNS-1123 labels of at most 63 characters", () => {
  for (const name of ["a", "web-0", "0", "a".repeat(63)]) assert.ok(isName(name), name);
  for (const name of ["", "-a", "a-", "A", "a_b", "a.b", "a/b", "..", "a".repeat(64), "ä", "a\n"]) {
    assert.ok(!isName(name), name);
  }
});

Deno.test("parseNameRef() accepts bare names and name.namespace.rune, nothing else", () => {
  assert.deepEqual(parseNameRef("db", "prod"), { namespace: "prod", name: "db" });
  assert.deepEqual(parseNameRef("db.shared.rune", "prod"), { namespace: "shared", name: "db" });
  for (const text of ["db.shared", "db.shared.local", "a.b.c.rune", "Db", ".shared.rune", ""]) {
    assert.equal(parseNameRef(text, "prod"), null, text);
  }
});
