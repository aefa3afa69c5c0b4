import assert from "node:assert/strict";
import { configmap, keysOnDisk, service, withStore } from "./store_fixture.ts";

Deno.test.sanitizer({ ops: true, resources: true });

Deno.test("values of any size read back, and large ones leave no chunks when replaced or removed", () =>
  withStore(async (opened) => {
    const sizes = [0, 61_000, 62_000, 200_000, 3_000_000];
    for (const size of sizes) {
      const value = "é".repeat(size / 2);
      await opened.store.transact((tx) => {
        const current = tx.get("configmap", "default", "a");
        if (current) tx.update(current, { spec: { data: { value } } });
        else tx.create(configmap("a", value));
      });
      await opened.store.putMeta("m", { value });
      assert.deepEqual(await opened.store.getMeta("m"), { value });
      assert.equal((await opened.reopen()).get("configmap", "default", "a")?.spec.data.value, value);
    }
    await opened.store.transact((tx) => tx.remove({ kind: "configmap", namespace: "default", name: "a" }));
    await opened.store.putMeta("m", undefined);
    assert.equal(await opened.store.getMeta("m"), undefined);
    for (let n = 0; n < 3; n++) await opened.store.transact((tx) => tx.create(configmap(`small${n}`)));
    await opened.store.close();
    assert.deepEqual(await keysOnDisk(opened.dataDir, ["blob"]), []);
    assert.deepEqual(await keysOnDisk(opened.dataDir, ["meta", "value"]), []);
  }, { journalLimit: 1 }));

Deno.test("a large service takes its history and all chunks with it", () =>
  withStore(async (opened) => {
    const { store } = opened;
    const big = (n: number) => ({ ...service("a").spec, env: { BIG: `${n}`.repeat(100_000) } });
    await store.transact((tx) => tx.create({ ...service("a"), spec: big(1) }));
    for (let n = 2; n < 6; n++) {
      await store.transact((tx) => tx.update(tx.get("service", "default", "a")!, { spec: big(n) }));
    }
    const specs = (await store.history("service", "default", "a")).map((h) => h.spec);
    assert.deepEqual(specs, [big(5), big(4)]);
    await store.transact((tx) => tx.remove(tx.get("service", "default", "a")!));
    for (let n = 0; n < 3; n++) await store.transact((tx) => tx.create(configmap(`small${n}`)));
    await store.close();
    assert.deepEqual(await keysOnDisk(opened.dataDir, ["blob"]), []);
  }, { historyLimit: 2, journalLimit: 1 }));

Deno.test("getMeta() and putMeta() keep values apart from the store's own and make no revision", () =>
  withStore(async (opened) => {
    await opened.store.putMeta("revision", { mine: true });
    await Promise.all([
      opened.store.putMeta("k", 1),
      opened.store.putMeta("k", 2),
      opened.store.putMeta("n", null),
    ]);
    assert.equal(opened.store.revision, 0);
    const store = await opened.reopen();
    assert.deepEqual(await store.getMeta("revision"), { mine: true });
    assert.equal(await store.getMeta("k"), 2);
    assert.equal(await store.getMeta("n"), null);
    assert.equal(await store.getMeta("other"), undefined);
  }));
