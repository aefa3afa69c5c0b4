import assert from "node:assert/strict";
import { RuneError } from "../../model/error.ts";
import { acquireLease } from "../leases.ts";
import { keep, withMemoryRoom } from "../testing/memory_room.ts";
import { makeClass, makeVolume } from "../testing/resources.ts";
import type { Store } from "../../store/store.ts";
import { keysOf, newsOf } from "../news.ts";
import { reconcileVolume } from "./controller.ts";
import { readSecretVersions } from "./secret_versions.ts";
import { VOLUME_WATCHES } from "./watches.ts";

const KEY = "default/data";
const SECRET = { namespace: "infra", name: "do", labels: {}, finalizers: [], status: {} };
const VALUES = { "infra/do": { token: "value" } };
const REFUSED = new RuneError("failed_precondition", "DigitalOcean refused the token", { permanent: false });

const writeSecret = (store: Store, version: number) =>
  store.transact((tx) => {
    const spec = { keys: ["token"], version };
    const before = tx.get("secret", SECRET.namespace, SECRET.name);
    if (before) tx.update(before, { spec });
    else tx.create({ kind: "secret", ...SECRET, spec });
  });

Deno.test("readSecretVersions() differs for every version of a secret, and after a recreation", () =>
  withMemoryRoom(async ({ store }) => {
    const volume = makeVolume({ parameters: { a: "secret:do.infra.rune/token", b: "text" } });
    const read = () => readSecretVersions({ volume, class: makeClass() }, store)["infra/do"];
    const seen = [read()];
    for (const version of [1, 2]) {
      await writeSecret(store, version);
      seen.push(read());
    }
    await store.transact((tx) => tx.remove(tx.get("secret", "infra", "do")!));
    await writeSecret(store, 1);
    seen.push(read());
    assert.equal(new Set(seen).size, 4, JSON.stringify(seen));
    assert.equal(seen[0], "");
  }));

Deno.test("a volume that is Stalled is provisioned at once when a secret that its parameters name is changed", () =>
  withMemoryRoom(async ({ store, gate, deps, signal }) => {
    const woken: string[] = [];
    store.subscribe((changes) => {
      for (const change of changes.filter(({ resource }) => resource.kind === "secret")) {
        woken.push(...keysOf(VOLUME_WATCHES, { news: newsOf(change), state: store }));
      }
    });
    const readStatus = () => store.get("volume", "default", "data")!.status;
    const run = () => reconcileVolume(KEY, { deps, signal });
    await writeSecret(store, 1);
    await keep(store, makeVolume({ parameters: { apiToken: "secret:do.infra.rune/token" } }));
    gate.failNext("driver.provision", new RuneError("failed_precondition", "no", { permanent: true }));
    await run();
    assert.equal(readStatus().state, "Stalled");
    await run();
    assert.equal(readStatus().state, "Stalled");
    assert.deepEqual(woken, []);

    await writeSecret(store, 2);
    assert.deepEqual(woken, [KEY]);
    gate.failNext("driver.provision", REFUSED);
    await run();
    assert.deepEqual([readStatus().state, readStatus().attempts], ["Failed", 1]);
    await writeSecret(store, 3);
    await run();
    assert.deepEqual([readStatus().state, readStatus().attempts], ["Available", 0]);
    assert.equal(readStatus().failedSecrets, undefined);
  }, { secretValues: VALUES }));

Deno.test("a volume that cannot be mounted is woken when a secret of its class is changed", () =>
  withMemoryRoom(async ({ store, gate, deps, signal }) => {
    await store.transact((tx) => {
      const cls = tx.get("storageClass", "", "local")!;
      tx.update(cls, { spec: { ...cls.spec, parameters: { apiToken: "secret:do.infra.rune/token" } } });
    });
    await writeSecret(store, 1);
    const volume = await keep(store, makeVolume());
    const holder = {
      instanceUid: "i",
      namespace: "default",
      instance: "web-0",
      mode: "rw" as const,
      since: "",
    };
    await reconcileVolume(KEY, { deps, signal });
    await store.transact((tx) => void acquireLease(tx, volume, holder));
    gate.failNext("driver.attach", REFUSED);
    assert.equal((await reconcileVolume(KEY, { deps, signal })).type, "failed");
    const secret = store.get("secret", "infra", "do")!;
    const news = { kind: "secret" as const, resource: secret, deleted: false };
    assert.deepEqual(keysOf(VOLUME_WATCHES, { news, state: store }), [KEY]);
    await reconcileVolume(KEY, { deps, signal });
    assert.equal(store.get("volume", "default", "data")!.status.state, "Bound");
  }, { secretValues: VALUES }));
