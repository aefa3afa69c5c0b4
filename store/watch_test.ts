import assert from "node:assert/strict";
import { RuneError } from "../model/error.ts";
import type { Change, Store } from "./store.ts";
import { configmap, onCommit, withStore } from "./store_fixture.ts";
import { watchJournal } from "./watch.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const GONE = (message: RegExp) => (error: unknown) =>
  error instanceof RuneError && error.code === "gone" && message.test(error.message);

/** Collects `count` changes, then ends the watch. */
async function take(changes: AsyncIterable<Change>, count: number): Promise<string[]> {
  const taken: string[] = [];
  if (count === 0) return taken;
  for await (const { revision, type, resource, more } of changes) {
    taken.push(`${revision} ${type} ${resource.kind}/${resource.name}${more ? " …" : ""}`);
    if (taken.length === count) break;
  }
  return taken;
}

async function write(store: Store, from: number, to: number): Promise<void> {
  const all: Promise<unknown>[] = [];
  for (let n = from; n <= to; n++) {
    all.push(store.transact((tx) => {
      const current = tx.get("configmap", "default", "a");
      if (current) tx.update(current, { labels: { n: `${n}` } });
      else tx.create(configmap("a"));
    }));
  }
  await Promise.all(all);
  await waitForTrim(store);
}

/** Waits for the trimming after the last commit: the queue goes on only then. */
const waitForTrim = (store: Store) => store.transact(() => {});

const range = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, n) => `${from + n} put configmap/a`);

Deno.test("watch() without since begins at the call, not at the first read", () =>
  withStore(async ({ store }) => {
    await write(store, 1, 2);
    const watch = store.watch({ signal: new AbortController().signal });
    await write(store, 3, 4);
    assert.deepEqual(await take(watch, 2), range(3, 4));
  }));

Deno.test("watch() replays from disk, then from memory, then live: each change once and in order", () =>
  withStore(async (opened) => {
    await write(opened.store, 1, 700);
    const store = await opened.reopen();
    await write(store, 701, 800);
    const watch = take(store.watch({ since: 5, signal: new AbortController().signal }), 1195);
    // Written during the replay.
    for (let n = 801; n <= 1200; n += 50) await write(store, n, n + 49);
    assert.deepEqual(await watch, range(6, 1200));
  }));

Deno.test("watch() filters by kind and namespace, and marks changes of the same revision", () =>
  withStore(async ({ store }) => {
    await store.transact((tx) => {
      tx.create({ kind: "namespace", namespace: "", name: "x", spec: {}, status: {} });
      tx.create(configmap("a", "", "x"));
      tx.create(configmap("b", "", "y"));
      tx.create(configmap("c", "", "x"));
    });
    await store.transact((tx) => tx.remove({ kind: "configmap", namespace: "x", name: "a" }));
    const signal = new AbortController().signal;
    assert.deepEqual(await take(store.watch({ since: 0, kinds: ["configmap"], namespace: "x", signal }), 3), [
      "1 put configmap/a …",
      "1 put configmap/c",
      "2 delete configmap/a",
    ]);
    assert.deepEqual(await take(store.watch({ since: 0, kinds: ["namespace"], signal }), 1), [
      "1 put namespace/x",
    ]);
    for await (const change of store.watch({ since: 1, signal })) {
      assert.deepEqual(Object.keys(change).sort(), ["resource", "revision", "type"]);
      break;
    }
  }));

Deno.test("watch() ends quietly when its signal aborts or the store closes, also while it waits", () =>
  withStore(async (opened) => {
    const abort = new AbortController();
    const aborted = take(opened.store.watch({ signal: abort.signal }), 1);
    const closed = take(opened.store.watch({ signal: new AbortController().signal }), 1);
    abort.abort();
    assert.deepEqual(await aborted, []);
    await opened.store.close();
    assert.deepEqual(await closed, []);
  }));

Deno.test("watch() resumes at the oldest revision and fails with gone below it, also after reopening", () =>
  withStore(async (opened) => {
    const signal = new AbortController().signal;
    const assertHeld = () => {
      const { oldestRevision: oldest, revision } = opened.store;
      assert.ok(
        oldest > 0 && oldest >= revision - 111 && oldest <= revision - 100,
        `${oldest} of ${revision}`,
      );
      return oldest;
    };
    for (let n = 1; n <= 1000; n += 40) await write(opened.store, n, n + 39);
    for (const reopened of [false, true]) {
      const store = reopened ? await opened.reopen() : opened.store;
      const oldest = assertHeld();
      assert.throws(
        () => store.watch({ since: oldest - 1, signal }),
        GONE(new RegExp(`oldest .* is ${oldest}$`)),
      );
      assert.throws(() => store.watch({ since: 1001, signal }), GONE(/newest is 1000/));
      assert.deepEqual(
        await take(store.watch({ since: oldest, signal }), 1000 - oldest),
        range(oldest + 1, 1000),
      );
    }
  }, { journalLimit: 100 }));

Deno.test("watch() ends with gone when the journal is trimmed past a slow reader", () =>
  withStore(async (opened) => {
    for (const fromDisk of [false, true]) {
      await write(opened.store, 1, 50);
      const store = fromDisk ? await opened.reopen() : opened.store;
      const since = store.revision - 50;
      const slow = store.watch({ since, signal: new AbortController().signal })[Symbol.asyncIterator]();
      assert.equal((await slow.next()).value.revision, since + 1);
      for (let n = 0; n < 10; n++) await write(store, 51 + 100 * n, 150 + 100 * n);
      await assert.rejects(async () => {
        while (!(await slow.next()).done);
      }, GONE(/gone/));
    }
  }, { journalLimit: 60 }));

Deno.test("watch() shows waiting watchers a revision larger than the journal's limit", () =>
  withStore(async ({ store }) => {
    const watch = take(store.watch({ signal: new AbortController().signal }), 50);
    await store.transact((tx) => {
      for (let n = 10; n < 60; n++) tx.create(configmap(`c${n}`));
    });
    assert.equal((await watch).at(-1), "1 put configmap/c59");
    await waitForTrim(store);
    assert.equal(store.oldestRevision, 1);
  }, { journalLimit: 10 }));

Deno.test("watch() never shows a revision whose commit failed", () =>
  withStore(async ({ store }) => {
    const watch = take(store.watch({ signal: new AbortController().signal }), 2);
    {
      using _ = onCommit(() => Promise.reject(new Error("database or disk is full")));
      await assert.rejects(write(store, 1, 1));
    }
    await write(store, 2, 3);
    assert.deepEqual(await watch, range(1, 2));
  }));

Deno.test("oldestRevision rises before the journal is trimmed, so a reader can trust what it has read", () =>
  withStore(async ({ store }) => {
    await write(store, 1, 11);
    const during: number[] = [];
    {
      using _ = onCommit((real) => {
        during.push(store.oldestRevision);
        return real();
      });
      await write(store, 12, 12);
    }
    assert.deepEqual([during, store.oldestRevision], [[0, 2], 2]);
  }, { journalLimit: 10 }));

Deno.test("watchJournal() discards a revision that was trimmed during the read", async () => {
  let oldest = 0;
  const resource = { kind: "configmap", namespace: "", name: "a" } as Change["resource"];
  const changes = watchJournal({
    revision: () => 2,
    oldestRevision: () => oldest,
    isClosed: () => false,
    findRecent: () => undefined,
    onAdvance: () => () => {},
    async *read() {
      yield { revision: 1, changes: [{ revision: 1, type: "put", resource }] };
      oldest = 2;
      yield { revision: 2, changes: [{ revision: 2, type: "put", resource }] };
    },
  }, { since: 0, signal: new AbortController().signal })[Symbol.asyncIterator]();
  assert.equal((await changes.next()).value.revision, 1);
  await assert.rejects(async () => await changes.next(), GONE(/revision 1 is gone: the oldest .* is 2/));
});
