import assert from "node:assert/strict";
import { createMountedVolumes } from "./mounted_volumes.ts";

Deno.test("createMountedVolumes() reports a volume once per path, and again after it was deleted", () => {
  const mounted: string[] = [];
  const volumes = createMountedVolumes((uid) => mounted.push(uid));
  volumes.set("a", { path: "/staged/a" });
  volumes.set("a", { path: "/staged/a" });
  assert.deepEqual(mounted, ["a"]);
  volumes.set("a", { path: "/elsewhere/a" });
  volumes.delete("a");
  assert.equal(volumes.get("a"), undefined);
  volumes.set("a", { path: "/elsewhere/a" });
  assert.deepEqual(mounted, ["a", "a", "a"]);
});
