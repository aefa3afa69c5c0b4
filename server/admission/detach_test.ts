import assert from "node:assert/strict";
import { makeInstance, makeService } from "../../reconcile/testing/resources.ts";
import type { Volume } from "../../model/volume.ts";
import { okJson, problemOf, type TestServer, volume, withServer } from "../api/server_fixture.ts";
import { checkDetach } from "./detach.ts";
import { SEES_NOTHING } from "./world_fixture.ts";

const DETACH = "/v1/namespaces/default/volumes/v/actions/detach";

/** Stores a volume and a lease of it, held by the instance with this uid. */
async function hold({ cast, store }: TestServer, instanceUid: string): Promise<void> {
  await okJson(cast([volume("v")]));
  const holder = { instanceUid, namespace: "default", instance: "web-0", mode: "rw", since: "" } as const;
  await store.transact((tx) =>
    tx.create({ kind: "lease", namespace: "default", name: "v", spec: { holders: [holder] }, status: {} })
  );
}

/** Stores the instance web-0, and returns its uid. */
async function addInstance({ store }: TestServer): Promise<string> {
  const { uid: _, ...instance } = makeInstance(makeService(), 0);
  return (await store.transact((tx) => tx.create<"instance">(instance))).uid;
}

Deno.test("checkDetach() refuses while the instance that holds the volume is known, and changes nothing", () =>
  withServer(async (server) => {
    const uid = await addInstance(server);
    await hold(server, uid);
    const revision = server.store.revision;
    const running = await problemOf(server.send("POST", DETACH), "conflict");
    assert.match(running.detail, /volume default\/v is held by instance default\/web-0, which is Running/);
    assert.match(running.hint!, /rune stop web -n default/);
    assert.equal(server.store.revision, revision);

    await server.store.transact((tx) =>
      tx.update(tx.get("instance", "default", "web-0")!, { deletionRequestedAt: tx.now })
    );
    const leaving = await problemOf(server.send("POST", DETACH), "conflict");
    assert.match(leaving.detail, /which is Stopping/);
    assert.match(leaving.hint!, /wait until it has stopped/);
  }));

Deno.test("checkDetach() names no instance and no service to who may not see them", () =>
  withServer(async (server) => {
    await hold(server, await addInstance(server));
    const held = server.store.get("volume", "default", "v") as Volume;
    assert.throws(() => checkDetach(held, { state: server.store, viewer: SEES_NOTHING }), (error: Error) => {
      assert.doesNotMatch(`${error.message} ${(error as { hint?: string }).hint}`, /web/);
      return true;
    });
  }));

Deno.test("checkDetach() lets the volume of an instance that is gone be detached: the request is marked on it", () =>
  withServer(async (server) => {
    await hold(server, "gone");
    const { annotations } = await okJson(server.send("POST", DETACH));
    assert.ok(Object.keys(annotations).some((name) => name.includes("detach")), JSON.stringify(annotations));
    assert.equal(server.store.get("lease", "default", "v")!.spec.holders.length, 1);
  }));
