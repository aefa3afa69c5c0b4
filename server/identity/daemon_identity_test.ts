/** The id of a daemon and what depends on it, in a real store. @module */
import assert from "node:assert/strict";
import { isSamePlace } from "../../runners/engine_bond.ts";
import { openStore, type Store } from "../../store/store.ts";
import {
  ensureDaemonId,
  findPlace,
  readDaemonId,
  readEngine,
  readPlace,
  releasePlace,
  replaceDaemonId,
  writeEngine,
  writePlace,
} from "./daemon_identity.ts";

const ENGINE = { id: "e", root: "/var/lib/docker", mark: "/m", nonce: "n" };

async function withStore(test: (store: Store, dataDir: string) => Promise<void>): Promise<void> {
  const dataDir = await Deno.makeTempDir();
  const store = await openStore({ dataDir });
  try {
    await test(store, dataDir);
  } finally {
    await store.close();
    await Deno.remove(dataDir, { recursive: true });
  }
}

Deno.test("ensureDaemonId() creates an id once", () =>
  withStore(async (store) => {
    assert.equal(await readDaemonId(store), undefined);
    const id = await ensureDaemonId(store);
    assert.equal(await ensureDaemonId(store), id);
    assert.equal(await readDaemonId(store), id);
  }));

Deno.test("replaceDaemonId() leaves Engine and place to the former id", () =>
  withStore(async (store, dataDir) => {
    const id = await ensureDaemonId(store);
    await writePlace(store, await findPlace(dataDir));
    await writeEngine(store, ENGINE);
    assert.notEqual(await replaceDaemonId(store), id);
    assert.notEqual(await readDaemonId(store), id);
    assert.equal(await readPlace(store), undefined);
    assert.equal(await readEngine(store), undefined);
  }));

Deno.test("releasePlace() keeps the Engine, unless a person has confirmed that the containers are gone", () =>
  withStore(async (store, dataDir) => {
    await writePlace(store, await findPlace(dataDir));
    await writeEngine(store, ENGINE);
    await releasePlace(store);
    assert.equal(await readPlace(store), undefined);
    assert.deepEqual(await readEngine(store), ENGINE);
    await releasePlace(store, { containersAreGone: true });
    assert.equal(await readEngine(store), undefined);
  }));

Deno.test("findPlace() distinguishes a directory from another one at its path, and recognizes it through a link", () =>
  withStore(async (_, dataDir) => {
    const [at, link] = [`${dataDir}/at`, `${dataDir}/link`];
    await Deno.mkdir(at);
    await Deno.symlink(at, link);
    const place = await findPlace(at);
    assert.ok(isSamePlace(place, await findPlace(link)));
    await Deno.rename(at, `${dataDir}/away`);
    await Deno.mkdir(at);
    assert.ok(!isSamePlace(place, await findPlace(at)));
  }));
