/** Drivers get the values of secrets when volumes are backed up and restored. @module */
import assert from "node:assert/strict";
import { getLogger } from "@logtape/logtape";
import type { Volume } from "../../model/volume.ts";
import { nodeDrivers, noteCalls } from "../../node/testing/drivers.ts";
import { makeNodes } from "../../node/testing/partial_nodes.ts";
import type { Store } from "../../store/store.ts";
import { okJson, type TestServer, volume, withServer } from "../api/server_fixture.ts";
import { makeBackup } from "../backup/backup.ts";
import { manifestFile, packBackup, readBackup, textFile } from "../backup/format.ts";
import { importVolumes } from "./import_volumes.ts";
import { readRestoredSecrets } from "./restored_secrets.ts";

/** A volume of the driver `noting` whose parameter is a reference to a secret that exists. */
async function makeSecretVolume({ store, cast }: TestServer): Promise<Volume> {
  await okJson(cast([volume("v"), ["secret", { name: "cloud", data: { token: "value" } }]]));
  await store.transact((tx) => {
    const stored = tx.get("volume", "default", "v") as Volume;
    const driverParameters = { token: "secret:cloud/token" };
    tx.update(stored, {
      status: { ...stored.status, state: "Available", driver: "noting", handle: "old", driverParameters },
    });
  });
  return store.get("volume", "default", "v")!;
}

/** A backup with the data of one volume. */
function backupOf({ namespace, name, uid }: Volume): ReadableStream<Uint8Array> {
  return packBackup((async function* () {
    yield manifestFile({
      ...{ version: "1.2.3", createdAt: "2026-01-01T00:00:00.000Z", node: "n1", daemonId: "d1" },
      ...{ revision: 1, kek: false, volumes: [{ namespace, name, uid }] },
    });
    yield textFile("volumes/0/part-0", "data");
  })());
}

async function manifestOf(backup: ReadableStream<Uint8Array>) {
  return await readBackup(backup, {
    async onFile(_name, data) {
      for await (const _ of data);
    },
  });
}

Deno.test("makeBackup() passes the exporting driver the value of a secret, never its reference", () =>
  withServer(async (server) => {
    await makeSecretVolume(server);
    const { store, deps } = server;
    const noting = noteCalls("noting", { exportData: () => ReadableStream.from([new Uint8Array(3)]) });
    const source = {
      store,
      secrets: deps.secrets,
      nodes: makeNodes({ drivers: nodeDrivers([noting.driver], deps.secrets) }),
      info: deps.info,
      logger: getLogger("test"),
    };
    const backup = await makeBackup(
      source,
      { withKek: false, volumes: ["default/v"], snapshots: false },
      new AbortController().signal,
    );
    for await (const _ of backup);
    assert.deepEqual(noting.calls, [{ call: "exportData", parameters: { token: "value" } }]);
  }));

Deno.test("importVolumes() passes the importing driver the value of a secret in the restored state", () =>
  withServer(async (server) => {
    const stored = await makeSecretVolume(server);
    const { store, deps } = server;
    const noting = noteCalls("noting", { materialize: () => ({ handle: "new", adopted: false }) });
    await using secrets = readRestoredSecrets(store, { from: "file", path: `${deps.info.dataDir}/data/kek` });
    await importVolumes(backupOf(stored), {
      manifest: await manifestOf(backupOf(stored)),
      store,
      drivers: nodeDrivers([noting.driver], secrets),
    });
    assert.deepEqual(noting.calls, [{ call: "materialize", parameters: { token: "value" } }]);
    assert.equal(store.get("volume", "default", "v")?.status.handle, "new");
  }));

Deno.test("readRestoredSecrets() creates no key for a state without secrets, and refuses a state whose key is missing", () =>
  withServer(async (server) => {
    const source = { from: "file", path: `${server.deps.info.dataDir}/no-kek` } as const;
    const read = async (store: Store) => {
      await using secrets = readRestoredSecrets(store, source);
      await secrets.readSecret("default", "cloud");
    };
    await assert.rejects(read(server.store), { code: "not_found" });
    await assert.rejects(Deno.stat(source.path), Deno.errors.NotFound);
    await makeSecretVolume(server);
    await assert.rejects(read(server.store), { code: "failed_precondition", message: /is missing/ });
  }));
