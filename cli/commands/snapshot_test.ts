import assert from "node:assert/strict";
import { isName } from "../../spec/name.ts";
import { snapshotName } from "./snapshot.ts";

Deno.test("snapshotName() is <volume>-snap-<unix>, and a name whatever the volume's length", () => {
  const now = new Date("2026-01-31T12:00:00.999Z");
  assert.equal(snapshotName("data", now), "data-snap-1769860800");
  for (const volume of ["v".repeat(63), `${"v".repeat(46)}-${"w".repeat(16)}`]) {
    const name = snapshotName(volume, now);
    assert.ok(isName(name), name);
    assert.match(name, /^v{46,}-snap-1769860800$/);
  }
});
