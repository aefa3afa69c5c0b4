import assert from "node:assert/strict";
import { isName } from "./name.ts";
import { snapshotName } from "./snapshot_name.ts";

Deno.test("snapshotName() is <volume>-<infix>-<unix>, and valid for a volume's name of any length", () => {
  assert.equal(snapshotName("data", { infix: "snap", unix: 1769860800 }), "data-snap-1769860800");
  for (const volume of ["v".repeat(63), `${"v".repeat(46)}-${"w".repeat(16)}`]) {
    const name = snapshotName(volume, { infix: "auto", unix: 1769860800 });
    assert.ok(isName(name), name);
    assert.match(name, /^v{46,}-auto-1769860800$/);
  }
});
