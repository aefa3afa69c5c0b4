import assert from "node:assert/strict";
import { RuneError } from "../model/error.ts";
import type { Change, Store, Tx } from "./store.ts";
import { openStore } from "./store.ts";
import { configmap, contents, keysOnDisk, onCommit, service, withDir, withStore } from "./store_fixture.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const CODE = (code: string, message?: RegExp) => (error: unknown) => {
  assert.ok(error instanceof RuneError, String(error));
  assert.equal(error.code, code, error.message);
  assert.ok(error.hint, "an error says what to do");
  if (message) assert.match(error.message, message);
  return true;
};

const get = (store: Store, name: string) => store.get("configmap", "default", name)!;

Deno.test("create() stamps uid, generation, version and times, and the result is frozen to the bottom", () =>
  withStore(async ({ store }) => {
    const made = await store.transact((tx) => tx.create(configmap("a", "1")));
    assert.deepEqual({ ...made, uid: "" }, {
      kind: "configmap",
      namespace: "default",
      name: "a",
      uid: "",
      generation: 1,
      resourceVersion: 1,
      labels: {},
      annotations: {},
      createdAt: "2030-01-02T03:04:05.000Z",
      updatedAt: "2030-01-02T03:04:05.000Z",
      finalizers: [],
      spec: { data: { value: "1" } },
      status: {},
    });
    assert.match(made.uid, /^[0-9a-f-]{36}$/);
    assert.equal(get(store, "a"), made);
    assert.throws(() => made.spec.data.value = "2", TypeError);
    assert.throws(() => made.finalizers.push("x"), TypeError);
  }, { clock: () => new Date("2030-01-02T03:04:05Z") }));

Deno.test("create() copies its argument: the caller's object stays writable and is not the store's", () =>
  withStore(async ({ store }) => {
    const mine = configmap("a", "1");
    await store.transact((tx) => tx.create(mine));
    mine.spec.data.value = "changed later";
    assert.equal(get(store, "a").spec.data.value, "1");
  }));

for (
  const [what, code, run] of [
    ["a name that exists", "already_exists", (tx) => tx.create(configmap("a"))],
    ["an empty name", "invalid_argument", (tx) => tx.create(configmap(""))],
    ["a name with a NUL", "invalid_argument", (tx) => tx.create(configmap("a\0b"))],
    ["a name longer than a key", "invalid_argument", (tx) => tx.create(configmap("é".repeat(300)))],
    ["removing what is not there", "not_found", (tx) => tx.remove(configmap("nobody"))],
    ["updating what is not there", "not_found", (tx) => {
      const a = tx.get("configmap", "default", "a")!;
      tx.remove(a);
      tx.update(a, { labels: { x: "1" } });
    }],
    ["updating a namesake", "conflict", (tx) => {
      const a = tx.get("configmap", "default", "a")!;
      tx.remove(a);
      tx.create(configmap("a"));
      tx.update(a, { labels: { x: "1" } });
    }],
    ["renaming to a taken name", "already_exists", (tx) => {
      tx.update(tx.get("configmap", "default", "a")!, { name: "b" });
    }],
  ] as [string, string, (tx: Tx) => void][]
) {
  Deno.test(`transact() refuses ${what} with ${code} and discards that transaction`, () =>
    withStore(async ({ store }) => {
      await store.transact((tx) => [tx.create(configmap("a")), tx.create(configmap("b"))]);
      const before = contents(store);
      await assert.rejects(
        store.transact((tx) => {
          tx.create(configmap("staged"));
          run(tx);
        }),
        CODE(code),
      );
      assert.deepEqual(contents(store), before);
      assert.equal(store.revision, 1);
    }));
}

Deno.test("update() with ifVersion refuses another version and names both", () =>
  withStore(async ({ store }) => {
    const v1 = await store.transact((tx) => tx.create(configmap("a")));
    const v2 = await store.transact((tx) => tx.update(v1, { labels: { n: "2" } }, { ifVersion: 1 }));
    assert.equal(v2.resourceVersion, 2);
    await assert.rejects(
      store.transact((tx) => tx.update(v1, { labels: { n: "3" } }, { ifVersion: 1 })),
      CODE("conflict", /version 2, not at 1/),
    );
  }));

Deno.test("update() to equal content returns the same object and writes nothing, also when a change is undone", () =>
  withStore(async ({ store }) => {
    const made = await store.transact((tx) =>
      tx.create({ ...configmap("a", "1"), labels: { x: "1", y: "2" } })
    );
    const same = await store.transact((tx) =>
      tx.update(made, { spec: { data: { value: "1" } }, labels: { y: "2", x: "1" }, finalizers: [] })
    );
    assert.equal(same, made);
    const detour = await store.transact((tx) => {
      const renamed = tx.update(made, { name: "b", spec: { data: { value: "2" } } });
      return tx.update(renamed, { name: "a", spec: { data: { value: "1" } } });
    });
    assert.equal(detour, made);
    assert.equal(store.revision, 1);
  }));

Deno.test("update() bumps the generation once, and only for a changed spec", () =>
  withStore(async ({ store }) => {
    await store.transact((tx) => tx.create(configmap("a")));
    const update = (changes: Parameters<Tx["update"]>[1]) =>
      store.transact((tx) => tx.update(get(store, "a"), changes as { labels?: Record<string, string> }));
    assert.equal((await update({ labels: { a: "1" } })).generation, 1);
    assert.equal((await update({ annotations: { a: "1" } })).generation, 1);
    assert.equal((await update({ finalizers: ["f"] })).generation, 1);
    assert.equal((await update({ deletionRequestedAt: "2030-01-01T00:00:00.000Z" })).generation, 1);
    assert.equal((await update({ spec: { data: { value: "2" } } })).generation, 2);
    const twice = await store.transact((tx) => {
      const first = tx.update(get(store, "a"), { spec: { data: { value: "3" } } });
      const second = tx.update(first, { spec: { data: { value: "4" } } });
      assert.throws(() => tx.update(first, { labels: {} }, { ifVersion: 6 }), CODE("conflict"));
      return tx.update(second, { labels: {} });
    });
    assert.equal(twice.generation, 3);
    assert.equal(store.revision, 7);
  }));

Deno.test("update() with bumpGeneration bumps once even if nothing differs, and makes no new version", () =>
  withStore(async (opened) => {
    const made = await opened.store.transact((tx) => tx.create(service("a")));
    const bumped = await opened.store.transact((tx) => {
      tx.update(made, { labels: { x: "1" }, bumpGeneration: true });
      return tx.update(made, { labels: {} });
    });
    assert.deepEqual(bumped, { ...made, generation: 2, resourceVersion: 2, updatedAt: bumped.updatedAt });
    const fresh = await opened.store.transact((tx) =>
      tx.update(tx.create(service("b")), { bumpGeneration: true })
    );
    assert.equal(fresh.generation, 1);
    const store = await opened.reopen();
    assert.deepEqual(store.get("service", "default", "a"), bumped);
    assert.deepEqual((await store.history("service", "default", "a")).map((h) => h.generation), [1]);
  }));

Deno.test("list() is sorted by namespace and name, in transactions too", () =>
  withStore(async ({ store }) => {
    const names = (list: { namespace: string; name: string }[]) =>
      list.map((r) => `${r.namespace}/${r.name}`);
    await store.transact((tx) => {
      for (const [ns, name] of [["b", "y"], ["a", "z"], ["b", "x"]]) tx.create(configmap(name!, "", ns));
    });
    await store.transact((tx) => {
      tx.create(configmap("w", "", "b"));
      tx.remove(tx.get("configmap", "b", "x")!);
      assert.deepEqual(names(tx.list("configmap")), ["a/z", "b/w", "b/y"]);
      assert.deepEqual(names(tx.list("configmap", "b")), ["b/w", "b/y"]);
      assert.deepEqual(
        names(store.list("configmap")),
        ["a/z", "b/x", "b/y"],
        "nothing staged is seen outside",
      );
    });
    assert.deepEqual(names(store.list("configmap")), ["a/z", "b/w", "b/y"]);
    assert.deepEqual(store.list("configmap", "none"), []);
  }));

Deno.test("transact() refuses an asynchronous function, and a transaction refuses writes after its end", () =>
  withStore(async ({ store }) => {
    let kept!: Tx;
    await assert.rejects(
      store.transact(async (tx) => {
        kept = tx;
        await Promise.resolve();
        tx.create(configmap("late"));
      }),
      CODE("internal", /asynchronous/),
    );
    assert.throws(() => kept.create(configmap("later")), CODE("internal", /after the end/));
    assert.deepEqual(contents(store), []);
  }));

Deno.test("transact() gives each transaction that wrote the next revision, and shares a commit among those that wait", () =>
  withStore(async (opened) => {
    const { store } = opened;
    let commits = 0;
    using _ = onCommit((real) => {
      commits++;
      return real();
    });
    const all = Array.from({ length: 300 }, (_, n) =>
      store.transact((tx) => {
        if (n % 10 === 0) return tx.list("configmap").length;
        if (n % 10 === 1) throw new RuneError("internal", "refused");
        return tx.create(configmap(`c${n}`)).resourceVersion;
      }));
    const results = await Promise.allSettled(all);
    const versions = results.flatMap((r, n) => n % 10 > 1 && r.status === "fulfilled" ? [r.value] : []);
    assert.deepEqual(versions, Array.from({ length: 240 }, (_, n) => n + 1));
    assert.equal(results.filter((r) => r.status === "rejected").length, 30);
    assert.deepEqual(
      results[290],
      { status: "fulfilled", value: 232 },
      "a transaction sees the ones before it",
    );
    assert.ok(commits <= 3, `300 transactions took ${commits} commits`);
    assert.equal((await opened.reopen()).revision, 240);
  }));

Deno.test("rename keeps uid, generation and history, and reads as delete, then put", () =>
  withStore(async (opened) => {
    const { store } = opened;
    const seen: Change[] = [];
    const a = await store.transact((tx) => tx.create(service("a")));
    store.subscribe((changes) => seen.push(...changes));
    const b = await store.transact((tx) => tx.update(a, { name: "b" }));
    assert.deepEqual([b.uid, b.generation, b.createdAt], [a.uid, 1, a.createdAt]);
    assert.deepEqual(seen, [
      { revision: 2, type: "delete", resource: a },
      { revision: 2, type: "put", resource: b, previous: a },
    ]);
    for (const open of [() => store, () => opened.reopen()]) {
      const current = await open();
      assert.equal(current.get("service", "default", "a"), undefined);
      assert.deepEqual(current.get("service", "default", "b"), b);
      assert.equal((await current.history("service", "default", "b")).length, 1);
    }
  }));

Deno.test("two resources can swap names in one transaction", () =>
  withStore(async (opened) => {
    const [a, b] = await opened.store.transact((
      tx,
    ) => [tx.create(configmap("a")), tx.create(configmap("b"))]);
    await opened.store.transact((tx) => {
      const parked = tx.update(a!, { name: "parked" });
      tx.update(b!, { name: "a" });
      tx.update(parked, { name: "b" });
    });
    const store = await opened.reopen();
    assert.deepEqual(store.list("configmap").map((c) => c.uid), [b!.uid, a!.uid]);
  }));

Deno.test("subscribe() reports after the commit, in order, with the previous state; a listener unsubscribes alone", () =>
  withStore(async ({ store }) => {
    const seen: string[] = [];
    const listener = (changes: Change[]) => {
      for (const { revision, type, resource, previous } of changes) {
        assert.equal(store.revision >= revision, true);
        seen.push(`${revision} ${type} ${resource.name} from ${previous?.resourceVersion}`);
      }
    };
    const stopFirst = store.subscribe(listener);
    store.subscribe(listener);
    await store.transact((tx) => tx.create(configmap("a")));
    stopFirst();
    await store.transact((tx) => tx.update(get(store, "a"), { labels: { x: "1" } }));
    await store.transact((tx) => tx.remove(get(store, "a")));
    assert.deepEqual(seen, [
      "1 put a from undefined",
      "1 put a from undefined",
      "2 put a from 1",
      "3 delete a from undefined",
    ]);
  }));

Deno.test("a throwing listener is reported, and affects neither the commit nor the other listeners", () =>
  withStore(async ({ store }) => {
    const reported: unknown[] = [];
    const report = (event: ErrorEvent) => {
      event.preventDefault();
      reported.push(event.error.message);
    };
    globalThis.addEventListener("error", report);
    try {
      let told = 0;
      store.subscribe(() => {
        throw new Error("listener's fault");
      });
      store.subscribe(() => void told++);
      await store.transact((tx) => tx.create(configmap("a")));
      assert.deepEqual([told, reported], [1, ["listener's fault"]]);
    } finally {
      globalThis.removeEventListener("error", report);
    }
  }));

Deno.test("history() lists accepted specs newest first, keeps the last ones, and goes with the resource", () =>
  withStore(async (opened) => {
    await opened.store.transact((tx) => tx.create(service("a", 1)));
    for (let scale = 2; scale <= 5; scale++) {
      await opened.store.transact((tx) =>
        tx.update(tx.get("service", "default", "a")!, { spec: service("a", scale).spec })
      );
    }
    await opened.store.transact((tx) =>
      tx.update(tx.get("service", "default", "a")!, { labels: { x: "1" } })
    );
    const scales = async (store: Store) =>
      (await store.history("service", "default", "a")).map((
        h,
      ) => [h.generation, (h.spec as { scale: number }).scale]);
    assert.deepEqual(await scales(opened.store), [[5, 5], [4, 4], [3, 3]]);
    assert.deepEqual(await scales(await opened.reopen()), [[5, 5], [4, 4], [3, 3]]);
    await opened.reopen({ historyLimit: 1 });
    await opened.store.transact((tx) =>
      tx.update(tx.get("service", "default", "a")!, { spec: service("a", 6).spec })
    );
    assert.deepEqual(await scales(opened.store), [[6, 6]]);
    await opened.store.transact((tx) => {
      tx.remove(tx.get("service", "default", "a")!);
      tx.create(configmap("a"));
    });
    assert.deepEqual(await opened.store.history("service", "default", "a"), []);
    assert.deepEqual(await opened.store.history("configmap", "default", "a"), []);
    await opened.store.close();
    assert.deepEqual(await keysOnDisk(opened.dataDir, ["history"]), []);
  }, { historyLimit: 3 }));

Deno.test("close() finishes queued work, then refuses more, and may be called twice", () =>
  withStore(async (opened) => {
    const { store } = opened;
    const queued = store.transact((tx) => tx.create(configmap("a")));
    const closing = store.close();
    await assert.rejects(store.transact(() => {}), CODE("unavailable"));
    await Promise.all([queued, closing, store.close()]);
    await assert.rejects(store.check(), CODE("unavailable"));
    await assert.rejects(store.getMeta("k"), CODE("unavailable"));
    await assert.rejects(store.putMeta("k", 1), CODE("unavailable"));
    assert.throws(() => store.watch({ signal: AbortSignal.abort() }), CODE("unavailable"));
    await (await opened.reopen()).check();
    assert.equal(get(opened.store, "a").resourceVersion, 1);
  }));

Deno.test("openStore() makes its files readable only by their owner, whatever the umask", () =>
  withDir(async (dir) => {
    const umask = Deno.umask(0);
    try {
      const store = await openStore({ dataDir: `${dir}/sub/data` });
      await store.transact((tx) => tx.create(configmap("a")));
      const files = [...Deno.readDirSync(`${dir}/sub/data`)].map(({ name }) => name).sort();
      assert.deepEqual(files, ["lock", "state.db", "state.db-shm", "state.db-wal", "state.made"]);
      for (const name of files) {
        assert.equal(Deno.statSync(`${dir}/sub/data/${name}`).mode! & 0o777, 0o600, name);
      }
      await store.close();
    } finally {
      Deno.umask(umask);
    }
  }));

Deno.test("transact() goes on after an observer of commits throws", () => {
  const faults: unknown[] = [];
  const take = (event: ErrorEvent) => {
    event.preventDefault();
    faults.push(event.error);
  };
  addEventListener("error", take);
  return withStore(async ({ store }) => {
    for (const name of ["a", "b", "c"]) await store.transact((tx) => tx.create(configmap(name)));
    assert.equal(store.list("configmap").length, 3);
    assert.equal(faults.length, 3);
    await store.check();
  }, {
    onCommit() {
      throw new Error("of the observer");
    },
  }).finally(() => removeEventListener("error", take));
});
