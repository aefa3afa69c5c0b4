import assert from "node:assert/strict";
import { UsageError } from "../terminal/exit_codes.ts";
import { selectorFor } from "./events.ts";

Deno.test("selectorFor() selects the events of a name, or of a kind and a name", () => {
  assert.equal(selectorFor("web"), "spec.object.name=web");
  assert.equal(selectorFor("vol/data"), "spec.object.kind=volume,spec.object.name=data");
  for (const target of ["", "volume/", "a/b/c", "volum/data"]) {
    assert.throws(() => selectorFor(target), UsageError, target);
  }
});
