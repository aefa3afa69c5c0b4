import assert from "node:assert/strict";
import type { AnyResource } from "../../model/resource.ts";
import { makeClass } from "../../reconcile/testing/resources.ts";
import { listChanges } from "./field_changes.ts";

Deno.test("listChanges() names what differs, and shows no secret of a storage parameter", () => {
  const before: AnyResource = makeClass({ parameters: { apiToken: "dop_v1_1", region: "nyc3" } });
  const spec = { ...before.spec, parameters: { apiToken: "dop_v1_2", region: "fra1" } };
  assert.deepEqual(listChanges(before, { spec, labels: { tier: "cloud" } }), [
    { path: "parameters.apiToken", from: "(hidden)", to: "(changed)" },
    { path: "parameters.region", from: "nyc3", to: "fra1" },
    { path: "labels.tier", to: "cloud" },
  ]);
  assert.deepEqual(listChanges(before, { spec: before.spec, labels: before.labels }), []);
});
