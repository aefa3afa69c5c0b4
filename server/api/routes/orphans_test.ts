import assert from "node:assert/strict";
import { contextMaker } from "../../../drivers/conformance_trial.ts";
import type { AccountContext, ProvidedVolume } from "../../../drivers/driver.ts";
import { MemoryDriver } from "../../../drivers/testing/memory_driver.ts";
import { MemoryVolumes } from "../../../drivers/testing/memory_volumes.ts";
import { RuneError } from "../../../model/error.ts";
import { type Orphans, orphansSchema } from "../../../model/orphans.ts";
import type { Volume, VolumeSpec, VolumeStatus } from "../../../model/volume.ts";
import { fixedSecrets, nodeDrivers, noteCalls } from "../../../node/testing/drivers.ts";
import { makeNodes } from "../../../node/testing/partial_nodes.ts";
import { makeVolume } from "../../../reconcile/testing/resources.ts";
import { createApp } from "../app.ts";
import { okJson, type TestServer, withServer } from "../server_fixture.ts";

/** A driver in memory whose accounts need a token. */
class CloudDriver extends MemoryDriver {
  readonly tokens: string[] = [];
  /** What the account of a token does not have, by handle. */
  readonly hidden = new Map<string, Set<string>>();
  override async listVolumes(ctx: AccountContext): Promise<ProvidedVolume[]> {
    const { apiToken: token = "none" } = ctx.parameters;
    this.tokens.push(token);
    if (token !== "refused") {
      const hidden = this.hidden.get(token);
      return (await super.listVolumes(ctx)).filter(({ handle }) => !hidden?.has(handle));
    }
    throw new RuneError("failed_precondition", "the token was refused", { hint: "rotate it" });
  }
}

interface Trial extends Pick<TestServer, "store"> {
  driver: CloudDriver;
  /** Creates a volume at the provider, as a daemon does. @returns its handle. */
  provide(
    name: string,
    options?: { installation?: string; uid?: string; gigabytes?: number },
  ): Promise<string>;
  addVolume(
    name: string,
    more: { spec?: Partial<VolumeSpec>; status?: Partial<VolumeStatus> },
  ): Promise<Volume>;
  addClass(name: string, parameters: Record<string, string>): Promise<void>;
  list(): Promise<Orphans>;
}

const withCloud = (test: (trial: Trial) => Promise<void>) =>
  withServer(async ({ store, deps }) => {
    const driver = new CloudDriver({
      name: "cloud",
      volumes: new MemoryVolumes(),
      capabilities: { handleParameter: "volumeId" },
    });
    const secrets = fixedSecrets({ "shared/cloud": { token: "t1" }, "default/own": { token: "t2" } });
    const drivers = nodeDrivers(
      [driver, noteCalls("local").driver],
      secrets,
    );
    const app = createApp({ ...deps, nodes: makeNodes({ drivers }) });
    const context = contextMaker();
    const empty = { labels: {}, annotations: {}, finalizers: [] };
    await test({
      store,
      driver,
      async provide(name, { installation = "i1", uid, gigabytes = 1 } = {}) {
        const { volume, ...ctx } = context(name, { installation });
        const sized = { ...volume, ...(uid !== undefined && { uid }), sizeBytes: gigabytes * 1e9 };
        return (await driver.provision({ ...ctx, volume: sized })).handle;
      },
      addVolume: (name, { spec, status }) =>
        store.transact((tx) => {
          const { spec: defaults, status: birth } = makeVolume();
          return tx.create({
            ...empty,
            ...{ kind: "volume", namespace: "default", name },
            spec: { ...defaults, storageClassName: "fast", ...spec },
            status: { ...birth, state: "Available", ...status },
          });
        }),
      async addClass(name, parameters) {
        await store.transact((tx) => {
          const spec = { ...tx.get("storageClass", "", "local")!.spec, driver: "cloud", parameters };
          tx.create({ ...empty, kind: "storageClass", namespace: "", name, spec, status: {} });
        });
      },
      list: async () => {
        const answer = app.request("/v1/volumes/orphans", {}, { peer: "127.0.0.1" });
        const body = await okJson(Promise.resolve(answer));
        assert.deepEqual(orphansSchema.parse(body), body, "the answer is as documented");
        return body;
      },
    });
  });

const TOKEN = { apiToken: "secret:cloud.shared.rune/token" };

Deno.test("orphans are the volumes of this installation that no volume uses, with the size that is paid for", () =>
  withCloud(async ({ addClass, provide, list, store }) => {
    await addClass("fast", TOKEN);
    const [big, small] = [
      await provide("b-kept", { gigabytes: 10 }),
      await provide("a-left", { gigabytes: 1 }),
    ];
    await provide("theirs", { installation: "i2", gigabytes: 4 });
    const revision = store.revision;
    const { items, ...rest } = await list();
    assert.deepEqual(items.map(({ uid: _, ...item }) => item), [
      ...[["a-left", small, 1] as const, ["b-kept", big, 10] as const].map(([name, handle, sizeGb]) => ({
        ...{ namespace: "default", name, driver: "cloud", handle, providerName: `default-${name}` },
        ...{ region: "memory", sizeGb, attached: false },
        ...{ source: "storage class fast", accountOf: "storageClass" },
      })),
    ]);
    const { listedAt, ...answer } = rest;
    assert.ok(Math.abs(Date.now() - Date.parse(listedAt)) < 60_000);
    assert.deepEqual(answer, {
      installation: "i1",
      totalGb: 11,
      volumeAccountsGb: 0,
      otherInstallations: [{ installation: "i2", accountOf: "storageClass", volumes: 1, sizeGb: 4 }],
      asked: ["storage class fast"],
      skipped: [],
    });
    assert.equal(store.revision, revision);
    assert.deepEqual((await list()).items, items);
  }));

Deno.test("a volume that is in use, or is about to be, is no orphan", () =>
  withCloud(async ({ addClass, addVolume, provide, list }) => {
    await addClass("fast", TOKEN);
    await addVolume("used", { status: { driver: "cloud", handle: await provide("used") } });
    // Provisioned, before the handle was stored; the row may have got its uid from an earlier daemon.
    await provide("fresh", { uid: (await addVolume("fresh", {})).uid });
    await addVolume("recast", {});
    await provide("recast");
    // Adopted under another name, and not provisioned yet.
    const adopted = await provide("before-rename");
    await addVolume("renamed", { spec: { parameters: { volumeId: adopted } } });
    const taken = await provide("taken-over", { installation: "i2" });
    await addVolume("taken-over", { status: { driver: "cloud", handle: taken } });
    // The row of this name has other data.
    await addVolume("moved", { status: { driver: "cloud", handle: "elsewhere" } });
    await provide("moved");
    // The row of this name has another driver.
    await addVolume("local", { status: { driver: "local", state: "Pending" } });
    await provide("local");
    const { items, otherInstallations } = await list();
    assert.deepEqual(items.map(({ name }) => name), ["local", "moved"]);
    assert.deepEqual(otherInstallations, []);
  }));

Deno.test("each account is asked once, with the values of secrets, and a volume in several is listed once", () =>
  withCloud(async ({ addClass, addVolume, provide, list, driver }) => {
    await addClass("fast", TOKEN);
    await addClass("same", TOKEN);
    await addClass("own", { apiToken: "secret:own/token" });
    const own = { spec: { parameters: { apiToken: "secret:own/token" } } };
    await addVolume("one", { ...own, status: { driver: "cloud", handle: "h1" } });
    await addVolume("two", { ...own, status: { driver: "cloud", handle: "h2" } });
    const parameters = { ...TOKEN, region: "r", volumeId: "h3" };
    await addVolume("three", { spec: { parameters }, status: { driver: "cloud", handle: "h3" } });
    await provide("left");
    const { items, asked, skipped } = await list();
    assert.deepEqual(driver.tokens.sort(), ["t1", "t2"]);
    assert.deepEqual(asked, ["storage class fast", "volume default/one"]);
    assert.deepEqual(items.map(({ name }) => name), ["left"]);
    assert.deepEqual(skipped.map(({ source }) => source), ["storage class own"]);
    assert.match(skipped[0]!.message, /parameter apiToken names a secret of each volume's own namespace/);
  }));

Deno.test("an account that cannot be asked is named with its reason, and the others are listed", () =>
  withCloud(async ({ addClass, provide, list }) => {
    await addClass("fast", TOKEN);
    await addClass("gone", { apiToken: "secret:none.shared.rune/token" });
    await addClass("stale", { apiToken: "refused" });
    await provide("left");
    const { items, asked, skipped } = await list();
    assert.deepEqual([items.length, asked], [1, ["storage class fast"]]);
    assert.deepEqual(skipped.map(({ source, message }) => [source, message]), [
      ["storage class gone", "parameter apiToken: there is no secret shared/none"],
      ["storage class stale", "the token was refused"],
    ]);
    assert.equal(skipped[1]!.hint, "rotate it");
  }));

Deno.test("an account that only a volume names is shown as such, and is no part of the total", () =>
  withCloud(async ({ addClass, addVolume, provide, list, driver }) => {
    await addClass("fast", TOKEN);
    const parameters = { apiToken: "secret:own/token" };
    await addVolume("mine", { spec: { parameters }, status: { driver: "cloud", handle: "h1" } });
    const real = await provide("real", { gigabytes: 3 });
    // Whoever owns an account describes volumes as they like.
    const forged = await provide("forged", { gigabytes: 5 });
    const foreign = await provide("foreign", { gigabytes: 7, installation: "i2" });
    driver.hidden.set("t1", new Set([forged, foreign]));
    const { items, totalGb, volumeAccountsGb, otherInstallations } = await list();
    assert.deepEqual(items.map(({ handle, source, accountOf }) => [handle, source, accountOf]), [
      [real, "storage class fast", "storageClass"],
      [forged, "volume default/mine", "volume"],
    ]);
    assert.deepEqual([totalGb, volumeAccountsGb], [3, 5]);
    assert.deepEqual(otherInstallations, [
      { installation: "i2", accountOf: "volume", volumes: 1, sizeGb: 7 },
    ]);
  }));

Deno.test("a volume of Rune hides no orphan of an account that its own token does not reach", () =>
  withCloud(async ({ addClass, addVolume, provide, list, driver }) => {
    await addClass("fast", TOKEN);
    const named = await provide("by-handle");
    const kept = await provide("by-name");
    driver.hidden.set("t2", new Set([named, kept]));
    const add = (name: string, apiToken: string, volumeId?: string) =>
      addVolume(name, { spec: { parameters: { apiToken, ...(volumeId && { volumeId }) } } });
    for (const [i, token] of ["junk", "refused", "secret:own/token"].entries()) {
      await add(`planted-${i}`, token, named);
    }
    // It is provisioned with another volume, whatever its parameters say.
    await addVolume("elsewhere", {
      spec: { parameters: { volumeId: named } },
      status: { driver: "cloud", handle: "h2" },
    });
    await add("by-name", "refused");
    driver.hidden.set("junk", new Set([named, kept]));
    assert.deepEqual((await list()).items.map(({ name }) => name), ["by-handle", "by-name"]);
  }));

Deno.test("all callers share one list, and a change of volumes shows at once", () =>
  withCloud(async ({ addClass, addVolume, provide, list, driver }) => {
    await addClass("fast", TOKEN);
    const handle = await provide("left");
    const answers = await Promise.all(Array.from({ length: 50 }, list));
    assert.deepEqual(answers.map(({ items }) => items.length), Array(50).fill(1));
    await addVolume("left", { status: { driver: "cloud", handle } });
    assert.deepEqual((await list()).items, []);
    assert.deepEqual(driver.tokens, ["t1"]);
  }));

Deno.test("without a class at a provider nothing is asked", () =>
  withCloud(async ({ addClass, list }) => {
    const { items, asked, skipped, totalGb } = await list();
    assert.deepEqual([items, asked, skipped, totalGb], [[], [], [], 0]);
    await addClass("fast", TOKEN);
    assert.deepEqual((await list()).asked, ["storage class fast"]);
  }));
