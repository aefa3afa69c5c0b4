import assert from "node:assert/strict";
import { createMountTable } from "./mount_table.ts";

Deno.test("mount table tells of a volume once per path, and finds directories that overlap", () => {
  const mounted: string[] = [];
  const table = createMountTable((uid) => mounted.push(uid));
  table.set("a", "/srv/a");
  table.set("a", "/srv/a");
  assert.deepEqual(mounted, ["a"]);
  const found = (path: string) => table.overlapping("b", path);
  assert.equal(found("/srv/a"), "a");
  assert.equal(found("/srv/a/below"), "a");
  assert.equal(found("/srv"), "a");
  assert.equal(found("/srv/ab"), undefined);
  assert.equal(table.overlapping("a", "/srv/a"), undefined);
  table.delete("a");
  assert.equal(found("/srv/a"), undefined);
});
