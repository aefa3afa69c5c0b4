import assert from "node:assert/strict";
import { describePlace } from "./volume_place.ts";

Deno.test("describePlace() names a directory, or the volume of a provider", () => {
  const status = { state: "Available" as const, attempts: 0, conditions: [] };
  assert.equal(describePlace(status), undefined);
  assert.equal(describePlace({ ...status, handle: "/volumes/a", driver: "local" }), "/volumes/a");
  assert.equal(describePlace({ ...status, handle: "4f", driver: "do-volume" }), "volume 4f of do-volume");
});
