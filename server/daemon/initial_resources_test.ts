import assert from "node:assert/strict";
import { createInitialResources } from "./initial_resources.ts";
import { okJson, withServer } from "../api/server_fixture.ts";
import { openStore } from "../../store/store.ts";

Deno.test("createInitialResources() creates the local classes once: a deleted class stays deleted", () =>
  withServer(async ({ send, store }) => {
    assert.deepEqual(store.list("storageClass").map((c) => [c.name, c.spec.default]), [
      ["local", true],
      ["local-host", false],
    ]);
    assert.ok(store.get("namespace", "", "default"));
    await okJson(send("DELETE", "/v1/storageclasses/local-host"));
    await createInitialResources(store);
    assert.deepEqual(store.list("storageClass").map((c) => c.name), ["local"]);
  }));

Deno.test("createInitialResources() leaves the default to a class that the runefile names", async () => {
  const dataDir = await Deno.makeTempDir({ prefix: "rune-seed-" });
  const store = await openStore({ dataDir });
  try {
    await createInitialResources(store, { defaultStorageClass: "fast" });
    assert.deepEqual(store.list("storageClass").filter((c) => c.spec.default), []);
  } finally {
    await store.close();
    await Deno.remove(dataDir, { recursive: true });
  }
});
