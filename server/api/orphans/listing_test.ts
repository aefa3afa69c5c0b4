import assert from "node:assert/strict";
import type { Volume } from "../../../model/volume.ts";
import { makeVolume } from "../../../reconcile/testing/resources.ts";
import { type Account, findAccounts, type NodeDrivers } from "./accounts.ts";
import { FRESH_MS, listAccounts, MOST_ACCOUNTS, shareListing } from "./listing.ts";

const { signal } = new AbortController();

/** A driver with a volume in each account, which notes how many are asked at the same time. */
function countAsked() {
  const counts = { now: 0, most: 0, all: 0 };
  const driver = {
    name: "cloud",
    capabilities: {},
    async listVolumes() {
      counts.all++;
      counts.most = Math.max(counts.most, ++counts.now);
      await Promise.resolve();
      counts.now--;
      const createdFor = { installation: "i1", namespace: "default", name: "a", uid: "u" };
      return [{ handle: "h", name: "a", region: "r", sizeGb: 1, attached: false, createdFor }];
    },
  } as unknown as Account["driver"];
  const drivers: NodeDrivers = new Map([["cloud", driver]]);
  return { counts, driver, drivers };
}

const accountOf = (driver: Account["driver"], source: string): Account => ({
  ...{ key: source, driver, source, accountOf: "volume", namespace: "default", parameters: {} },
});

Deno.test("listAccounts() asks few accounts at once, a bounded number in all, and names the others", async () => {
  const { counts, driver } = countAsked();
  const names = Array.from({ length: MOST_ACCOUNTS + 3 }, (_, i) => `volume default/v${i}`);
  const { volumes, asked, skipped } = await listAccounts(
    names.map((name) => accountOf(driver, name)),
    signal,
  );
  assert.deepEqual([counts.most, counts.all], [4, MOST_ACCOUNTS]);
  assert.deepEqual(asked, names.slice(0, MOST_ACCOUNTS));
  assert.deepEqual(skipped.map(({ source }) => source), names.slice(MOST_ACCOUNTS));
  assert.match(skipped[0]!.message, /at most 50 accounts/);
  assert.deepEqual(volumes.map(({ source, seenIn }) => [source, seenIn.size]), [[names[0], MOST_ACCOUNTS]]);
});

Deno.test("findAccounts() takes classes first, then namespaces in turn, and each account once", () => {
  const { drivers } = countAsked();
  const volumes = [["a", "1"], ["a", "2"], ["a", "3"], ["b", "4"]].map(([namespace, token]): Volume => {
    const volume = makeVolume();
    const spec = {
      ...volume.spec,
      storageClassName: "fast",
      parameters: { apiToken: token!, region: token! },
    };
    return { ...volume, namespace: namespace!, name: `v${token}`, spec };
  });
  const same = { ...volumes[0]!, name: "same", spec: { ...volumes[0]!.spec, parameters: { apiToken: "1" } } };
  const inherits = {
    ...volumes[0]!,
    name: "plain",
    spec: { ...volumes[0]!.spec, parameters: { region: "x" } },
  };
  const storageClass = { name: "fast", spec: { driver: "cloud", parameters: { apiToken: "c" } } };
  const rows = { storageClass: [storageClass], volume: [...volumes, same, inherits] };
  const state = {
    list: (kind: "storageClass" | "volume") => rows[kind],
    get: () => storageClass,
  } as unknown as Parameters<typeof findAccounts>[0];
  assert.deepEqual(findAccounts(state, drivers).map(({ source }) => source), [
    "storage class fast",
    ...["volume a/v1", "volume b/v4", "volume a/v2", "volume a/v3"],
  ]);
});

Deno.test("shareListing() gives the running list to all, then keeps it for some seconds, but no failure", async () => {
  let now = 0;
  let lists = 0;
  let running = Promise.withResolvers<number>();
  const read = shareListing(() => {
    lists++;
    return running.promise;
  }, { now: () => now });
  const callers = [read(), read()];
  // However long it takes, nobody starts another one.
  now = 10 * FRESH_MS;
  callers.push(read());
  running.resolve(1);
  assert.deepEqual([await Promise.all(callers), lists], [[1, 1, 1], 1]);
  now += FRESH_MS - 1;
  assert.deepEqual([await read(), lists], [1, 1]);
  now += 1;
  running = Promise.withResolvers();
  const failed = read();
  running.reject(new Error("no"));
  await assert.rejects(failed, /no/);
  running = Promise.withResolvers();
  running.resolve(2);
  assert.deepEqual([await read(), lists], [2, 3]);
});
