import assert from "node:assert/strict";
import { RuneError } from "../../model/error.ts";
import { makeService, makeVolume } from "../../reconcile/testing/resources.ts";
import { okJson, volume, withServer } from "../api/server_fixture.ts";
import { requireAlive, requireResource, requireVersion } from "./preconditions.ts";

const refusal = (work: () => unknown): RuneError => {
  try {
    work();
  } catch (error) {
    if (error instanceof RuneError) return error;
    throw error;
  }
  throw new Error("not refused");
};

Deno.test("requireResource() gives what is there, and says how to look for what is not", () =>
  withServer(async ({ cast, store }) => {
    await okJson(cast([volume("v")]));
    assert.equal(requireResource(store, { kind: "volume", namespace: "default", name: "v" }).name, "v");
    const volumeError = refusal(() =>
      requireResource(store, { kind: "volume", namespace: "default", name: "w" })
    );
    assert.equal(volumeError.code, "not_found");
    assert.equal(volumeError.message, "there is no volume default/w");
    assert.equal(volumeError.hint, "see rune get volume -n default");
    const classError = refusal(() =>
      requireResource(store, { kind: "storageClass", namespace: "", name: "x" })
    );
    assert.equal(classError.hint, "see rune get storageClass");
  }));

Deno.test("requireVersion() refuses any version but the one that was read, and asks for none where none is given", () => {
  const found = makeVolume({}, { resourceVersion: 7 });
  requireVersion(found, 7);
  requireVersion(found, undefined);
  for (const other of [6, 8, 0]) {
    const { code, message } = refusal(() => requireVersion(found, other));
    assert.equal(code, "conflict");
    assert.equal(message, `volume default/data is at version 7, not ${other}`);
  }
});

Deno.test("requireAlive() refuses what is being deleted", () => {
  requireAlive(makeService());
  const { code, message, hint } = refusal(() =>
    requireAlive(makeService({}, { deletionRequestedAt: "2026-01-01T00:00:00.000Z" }))
  );
  assert.deepEqual([code, message], ["conflict", "service default/web is being deleted"]);
  assert.match(hint!, /wait until it is gone/);
});
