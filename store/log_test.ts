import assert from "node:assert/strict";
import { RuneError } from "../model/error.ts";
import type { Change } from "./store.ts";
import { configmap, contents, keysOnDisk, onCommit, withStore } from "./store_fixture.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const UNAVAILABLE = (error: unknown) =>
  error instanceof RuneError && error.code === "unavailable" && /cannot write/.test(error.message) &&
  !!error.hint;
const FULL = () => Promise.reject(new Error("database or disk is full"));

/** More than one KV commit can hold. */
const MANY = 1200;

Deno.test("a commit that fails rejects its whole group, changes nothing, and later ones work", () =>
  withStore(async (opened) => {
    const { store } = opened;
    await store.transact((tx) => tx.create(configmap("before")));
    const told: Change[] = [];
    store.subscribe((changes) => told.push(...changes));
    {
      using _ = onCommit(FULL);
      const [one, two, reader, meta] = await Promise.allSettled([
        store.transact((tx) => tx.create(configmap("one"))),
        store.transact((tx) => tx.create(configmap("one"))),
        store.transact((tx) => tx.get("configmap", "default", "one")),
        store.putMeta("k", 1),
      ]);
      // This includes those that only read a write that never happened, or were refused because of it.
      for (const result of [one, two, reader, meta]) {
        assert.ok(result.status === "rejected" && UNAVAILABLE(result.reason));
      }
      await store.check();
    }
    assert.deepEqual([store.revision, contents(store).length, told.length], [1, 1, 0]);
    assert.equal((await store.transact((tx) => tx.create(configmap("one")))).resourceVersion, 2);
    assert.equal((await opened.reopen()).revision, 2);
  }));

Deno.test("a commit that lands but reports a failure counts as landed", () =>
  withStore(async (opened) => {
    {
      using _ = onCommit(async (real) => {
        await real();
        throw new Error("disk I/O error");
      });
      await opened.store.transact((tx) => tx.create(configmap("a")));
    }
    assert.equal(opened.store.revision, 1);
    await opened.store.transact((tx) => tx.create(configmap("b")));
    const before = contents(opened.store);
    assert.deepEqual(contents(await opened.reopen()), before);
  }));

for (const landed of [false, true]) {
  Deno.test(`a commit with an unknown outcome is settled by the next one (${landed ? "" : "not "}landed)`, () =>
    withStore(async (opened) => {
      const { store } = opened;
      const told: number[] = [];
      store.subscribe((changes) => told.push(...changes.map(({ revision }) => revision)));
      const get = Deno.Kv.prototype.get;
      {
        using _ = onCommit(async (real) => {
          if (landed) await real();
          Deno.Kv.prototype.get = () => Promise.reject(new Error("disk I/O error"));
          throw new Error("disk I/O error");
        });
        try {
          await assert.rejects(store.transact((tx) => tx.create(configmap("a"))), UNAVAILABLE);
          await assert.rejects(store.transact((tx) => tx.create(configmap("b"))), UNAVAILABLE);
          await assert.rejects(store.check(), { code: "unavailable" });
        } finally {
          Deno.Kv.prototype.get = get;
        }
      }
      const c = await store.transact((tx) => tx.create(configmap("c")));
      assert.equal(c.resourceVersion, landed ? 2 : 1);
      assert.deepEqual(told, landed ? [1, 2] : [1]);
      assert.deepEqual(store.list("configmap").map(({ name }) => name), landed ? ["a", "c"] : ["c"]);
      const before = contents(store);
      assert.deepEqual(contents(await opened.reopen()), before);
    }));
}

Deno.test("a transaction larger than a KV commit lands whole and leaves the redo log empty", () =>
  withStore(async (opened) => {
    await opened.store.transact((tx) => {
      for (let n = 0; n < MANY; n++) tx.create(configmap(`c${n}`));
      tx.create(configmap("big", "x".repeat(8 * 1024 * 1024)));
    });
    await opened.store.transact((tx) => {
      for (const current of tx.list("configmap")) tx.update(current, { labels: { round: "2" } });
    });
    assert.equal(opened.store.revision, 2);
    const before = contents(opened.store);
    assert.equal(before.length, MANY + 1);
    const store = await opened.reopen();
    assert.deepEqual(contents(store), before);
    let seen = 0;
    for await (const { more } of store.watch({ since: 0, signal: new AbortController().signal })) {
      if (++seen === 2 * (MANY + 1)) {
        assert.equal(more, undefined);
        break;
      }
    }
    await store.close();
    assert.deepEqual(await keysOnDisk(opened.dataDir, ["redo"]), []);
  }));

for (
  const [count, size] of [[450, 0], [451, 0], [900, 0], [5, 60_000], [6, 60_000], [11, 60_000], [1, 700_000]]
) {
  Deno.test(`a transaction of ${count} resources of ${size} bytes lands, beside what a KV commit holds`, () =>
    withStore(async (opened) => {
      await Promise.all([1, 2].map((half) =>
        opened.store.transact((tx) => {
          for (let n = 0; n < count!; n++) tx.create(configmap(`${half}-${n}`, "x".repeat(size!)));
        })
      ));
      const before = contents(opened.store);
      assert.deepEqual([before.length, contents(await opened.reopen())], [2 * count!, before]);
    }));
}

for (const failing of [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]) {
  Deno.test(`a large transaction whose KV commit ${failing} fails is whole or absent, in memory and on disk`, () =>
    withStore(async (opened) => {
      const { store } = opened;
      const old = await store.transact((tx) => tx.create(configmap("old")));
      let result: PromiseSettledResult<unknown>;
      let whole: boolean;
      {
        // From then on nothing works, as on a full disk.
        using _ = onCommit((real, call) => call >= failing ? FULL() : real());
        [result] = await Promise.allSettled([
          store.transact((tx) => {
            for (let n = 0; n < MANY; n++) tx.create(configmap(`c${n}`));
            tx.remove(old);
          }),
        ]);
        whole = result.status === "fulfilled";
        if (result.status === "rejected") assert.ok(UNAVAILABLE(result.reason), String(result.reason));
        assert.equal(store.list("configmap").length, whole ? MANY : 1);
      }
      if (failing % 2 === 0) await store.transact((tx) => tx.create(configmap("after")));
      const before = contents(store);
      const reopened = await opened.reopen();
      assert.deepEqual(contents(reopened), before);
      if (whole) {
        let seen = 0;
        for await (
          const { revision, more } of reopened.watch({ since: 1, signal: new AbortController().signal })
        ) {
          seen++;
          if (revision === 2 && !more) break;
        }
        assert.equal(seen, MANY + 1);
      }
      await reopened.close();
      assert.deepEqual(await keysOnDisk(opened.dataDir, ["redo"]), []);
    }));
}

Deno.test("reads from disk wait for a committed large transaction that could not be applied yet", () =>
  withStore(async ({ store }) => {
    await store.transact((tx) => tx.create(configmap("first")));
    const all = () => store.watch({ since: 0, signal: new AbortController().signal });
    {
      // Three commits write the redo log, and the fourth decides.
      using _ = onCommit((real, call) => call > 4 ? FULL() : real());
      await store.transact((tx) => {
        for (let n = 0; n < MANY; n++) tx.create(configmap(`c${n}`));
      });
      await assert.rejects(store.getMeta("k"), UNAVAILABLE);
      await assert.rejects(all()[Symbol.asyncIterator]().next(), UNAVAILABLE);
    }
    let seen = 0;
    for await (const { revision, more } of all()) {
      seen++;
      if (revision === 2 && !more) break;
    }
    assert.equal(seen, MANY + 1);
  }));
