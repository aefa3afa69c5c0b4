import assert from "node:assert/strict";
import { UsageError } from "../terminal/exit_codes.ts";
import { parseTarget } from "./target.ts";

Deno.test("parseTarget() reads names and kind/name", () => {
  assert.deepEqual(parseTarget("web"), { name: "web" });
  assert.deepEqual(parseTarget("service/web"), { kind: "service", name: "web" });
  assert.deepEqual(parseTarget("inst/web-0"), { kind: "instance", name: "web-0" });
});

Deno.test("parseTarget() refuses other kinds and other forms", () => {
  for (const word of ["volume/data", "service/", "service/a/b", "srvice/web"]) {
    assert.throws(() => parseTarget(word), UsageError, word);
  }
});
