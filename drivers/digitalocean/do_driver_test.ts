import assert from "node:assert/strict";
import { RuneError } from "../../model/error.ts";
import { snapshotOf } from "../conformance_calls.ts";
import { plainParameters } from "../conformance_trial.ts";
import type { VolumeContext } from "../driver.ts";
import { FakeDigitalOcean } from "../../tests/fakes/digitalocean/fake.ts";
import { volumeNameOf } from "./names.ts";
import { type CloudWorld, createCloudWorld } from "./testing/cloud_world.ts";

const withParameters = (ctx: VolumeContext, more: Record<string, string>): VolumeContext => ({
  ...ctx,
  parameters: plainParameters({ ...ctx.parameters, ...more }),
});

const resize = (ctx: VolumeContext, sizeBytes: number): VolumeContext => ({
  ...ctx,
  volume: { ...ctx.volume, sizeBytes },
});

/** The same volume of Rune in a fresh store. */
const renew = (ctx: VolumeContext): VolumeContext => ({
  ...ctx,
  volume: { ...ctx.volume, uid: crypto.randomUUID() },
});

const own = { installation: "installation", namespace: "default", name: "data" };
const countRequests = ({ fake }: CloudWorld) => fake.log.splice(0).length;

Deno.test("provision() buys ceil(bytes / 1e9) GB, under a name of ours, and needs no tags", async () => {
  await using world = await createCloudWorld();
  const { fake, driver, context } = world;
  const { handle, adopted } = await driver.provision(resize(context("data"), 2 ** 30));
  const [volume] = fake.volumes;
  assert.deepEqual([volume!.id, volume!.sizeGb, volume!.name], [handle, 2, volumeNameOf(own)]);
  assert.equal(adopted, false);
  const [{ body } = {}] = fake.requests("volumes_create");
  assert.deepEqual(Object.keys(body as object), ["name", "region", "size_gigabytes", "description"]);
});

Deno.test("provision() finds the data of a fresh store, and grows it if it is smaller", async () => {
  await using world = await createCloudWorld();
  const { fake, driver, context } = world;
  const { handle } = await driver.provision(context("data"));
  const again = renew(resize(context("data"), 3e9));
  assert.deepEqual(await world.restart().provision(again), { handle, adopted: true });
  assert.deepEqual(fake.volumes.map(({ sizeGb }) => sizeGb), [3]);
});

Deno.test("provision() never uses the volume of another installation of the account", async () => {
  await using world = await createCloudWorld();
  const { fake, driver, context } = world;
  const first = await driver.provision(context("data"));
  const second = await driver.provision({ ...renew(context("data")), installation: "other" });
  assert.notEqual(second.handle, first.handle);
  assert.equal(second.adopted, false);
  assert.equal(fake.volumes.length, 2);
});

Deno.test("provision() leaves a volume alone that has our name and is not ours", async () => {
  for (const description of ["", "my photos", "rune node=other volume=default/data uid=u"]) {
    await using world = await createCloudWorld();
    await world.fake.createVolume({ name: volumeNameOf(own), sizeGb: 1, description });
    await assert.rejects(world.driver.provision(world.context("data")), {
      code: "already_exists",
      permanent: true,
    });
  }
});

Deno.test("provision() creates no empty volume in place of one that is gone", async () => {
  await using world = await createCloudWorld();
  const { fake, driver, context } = world;
  const { handle } = await driver.provision(context("data"));
  await fake.deleteVolume(handle);
  await assert.rejects(driver.provision({ ...context("data"), handle }), {
    code: "not_found",
    permanent: true,
  });
  assert.equal(fake.volumes.length, 0);
});

Deno.test("provision() adopts the volume that volumeId names, and creates none", async () => {
  await using world = await createCloudWorld();
  const { fake, driver, context } = world;
  const { id } = await fake.createVolume({ name: "photos", sizeGb: 5 });
  const ctx = withParameters(context("data"), { volumeId: id });
  for (let i = 0; i < 2; i++) assert.deepEqual(await driver.provision(ctx), { handle: id, adopted: true });
  assert.deepEqual([fake.volumes.length, fake.volumes[0]!.sizeGb], [1, 5]);
  // It was not provisioned, so nothing is deleted.
  await driver.delete(ctx);
  assert.equal(fake.volumes.length, 1);
});

Deno.test("provision() refuses a volumeId of another region, of another volume of Rune, or of nothing", async () => {
  await using world = await createCloudWorld();
  const { fake, driver, context } = world;
  const far = await fake.createVolume({ name: "far", sizeGb: 1, region: "fra1" });
  const other = await driver.provision(context("other"));
  const refusals: Record<string, string> = {
    [far.id]: "failed_precondition",
    [other.handle]: "already_exists",
    "00000000-0000-4000-8000-000000000000": "not_found",
  };
  for (const [volumeId, code] of Object.entries(refusals)) {
    await assert.rejects(driver.provision(withParameters(context("data"), { volumeId })), {
      code,
      permanent: true,
    });
  }
  assert.equal(fake.volumes.length, 2);
});

Deno.test("attach() says which device did not appear", async () => {
  await using world = await createCloudWorld({ metadataUrl: "http://127.0.0.1:1" });
  const { fake, driver, context } = world;
  const ctx = { ...context("data"), ...await driver.provision(context("data")) };
  await fake.becomeDroplet(fake.createDroplet("elsewhere"));
  await assert.rejects(driver.attach(ctx), (error) => {
    assert.ok(error instanceof RuneError);
    assert.match(error.message, /the device of volume rune-default-data-\w{8} has not appeared/);
    return error.code === "unavailable";
  });
});

Deno.test("a volume of another account never gets the device of one with its name", async () => {
  await using world = await createCloudWorld();
  const { driver, context } = world;
  const victim = { ...context("data"), ...await driver.provision(context("data")) };
  await driver.attach(victim);
  // Another account, with a droplet and a volume of our names. Its droplet is another machine.
  await using other = await FakeDigitalOcean.start();
  other.createDroplet("filler");
  const twin = other.createDroplet("node");
  assert.notEqual(twin, world.droplet);
  const { id } = await other.createVolume({ name: world.fake.volumes[0]!.name, sizeGb: 1 });
  const { driver: fooled } = world.createDriver({ apiUrl: other.url });
  const evil = withParameters(context("evil"), { apiToken: other.createToken("full"), volumeId: id });
  const ctx = { ...evil, handle: id, blank: false };
  const refusal = {
    code: "failed_precondition",
    permanent: false,
    message: new RegExp(`is not this machine, which is droplet ${world.droplet} "node"`),
  };
  await assert.rejects(fooled.provision(evil), refusal);
  await assert.rejects(fooled.attach(ctx), refusal);
  // Not even if it is attached already, or if nobody attaches it first.
  await other.attachVolume(id, twin);
  await assert.rejects(fooled.attach(ctx), refusal);
  await assert.rejects(fooled.detach(ctx), refusal);
  await assert.rejects(fooled.mount(ctx), {
    code: "failed_precondition",
    message: new RegExp(
      `is attached to droplet ${twin}, and this machine is droplet ${world.droplet} "node"`,
    ),
  });
  assert.deepEqual(world.fake.volumes[0]!.dropletIds, [world.droplet]);
});

Deno.test("calls for one volume at DigitalOcean run one at a time, whatever volume of Rune they are for", async () => {
  await using world = await createCloudWorld();
  const { fake, driver, context } = world;
  const { handle } = await driver.provision(context("data"));
  countRequests(world);
  const contexts = ["one", "two", "three"].map((name) => ({ ...context(name), handle }));
  await Promise.all(contexts.map((ctx) => driver.attach(ctx)));
  // At once, each would have asked for it.
  assert.equal(fake.requests("volumeActions_post_byId").length, 1);
});

Deno.test("a volumeId with the text of the volume's own uid holds no call for ever", async () => {
  await using world = await createCloudWorld();
  const ctx = world.context("data");
  const call = world.driver.provision(withParameters(ctx, { volumeId: ctx.volume.uid }));
  await assert.rejects(call, { code: "not_found" });
});

Deno.test("materialize() grows the copy, and names the sizes if it would be too small", async () => {
  await using world = await createCloudWorld();
  const { fake, driver, context } = world;
  const ctx = resize(context("data"), 3e9);
  const volume = { ...ctx, ...await driver.provision(ctx) };
  const ref = snapshotOf(ctx);
  const snapshot = { ...ref, ...await driver.snapshot(volume, ref) };
  const restore = (name: string, sizeBytes: number, more = {}) =>
    driver.materialize(withParameters(resize(context(name), sizeBytes), more), {
      from: "snapshot",
      snapshot,
    });
  assert.equal((await restore("large", 5e9)).adopted, false);
  assert.deepEqual(fake.volumes.map(({ sizeGb }) => sizeGb).sort(), [3, 5]);
  await assert.rejects(restore("small", 2e9), {
    code: "invalid_argument",
    message: "dovolume: the snapshot needs 3 GB, found 2 GB",
    hint: "set size to 3G or more",
  });
  await assert.rejects(restore("far", 3e9, { region: "fra1" }), { code: "failed_precondition" });
  assert.equal(fake.volumes.length, 2);
});

Deno.test("delete() deletes what a killed daemon created, and nothing that was there before", async () => {
  await using world = await createCloudWorld();
  const { fake, driver, context } = world;
  await driver.provision(context("data"));
  await driver.delete(renew(context("data")));
  assert.equal(fake.volumes.length, 1);
  await driver.delete(context("data"));
  assert.equal(fake.volumes.length, 0);
});

Deno.test("delete() also deletes a new volume that lists show later", async () => {
  await using world = await createCloudWorld();
  const { fake, driver, context } = world;
  fake.setFault({ op: "volumes_create" }, { lag: 2 });
  await driver.provision(context("data"));
  await driver.delete(context("data"));
  assert.equal(fake.volumes.length, 0);
});

Deno.test("delete() first detaches a volume whose attachment nobody saw completed", async () => {
  await using world = await createCloudWorld();
  const { fake, driver, droplet, context } = world;
  const ctx = { ...context("data"), ...await driver.provision(context("data")) };
  await fake.attachVolume(ctx.handle, droplet);
  await driver.delete(ctx);
  assert.equal(fake.volumes.length, 0);
});

Deno.test("unmount() and usage() need no token", async () => {
  await using world = await createCloudWorld();
  const { driver, context } = world;
  const ctx = { ...context("data"), handle: crypto.randomUUID(), parameters: plainParameters({}) };
  await driver.unmount(ctx);
  assert.equal(await driver.usage(ctx), undefined);
});

Deno.test("a start with 15 attached volumes takes fewer than 20 requests", async () => {
  await using world = await createCloudWorld();
  const { fake, driver, droplet, context } = world;
  const names = Array.from({ length: 15 }, (_, i) => `data-${i}`);
  const volumes: VolumeContext[] = [];
  for (const name of names) {
    const ctx = { ...context(name), ...await driver.provision(context(name)) };
    await fake.attachVolume(ctx.handle, droplet);
    volumes.push(ctx);
  }
  countRequests(world);
  const restarted = world.restart();
  await Promise.all(volumes.map((ctx) => restarted.attach(ctx)));
  assert.ok(countRequests(world) < 20);
});

Deno.test("validate() names every parameter that is wrong", async () => {
  await using world = await createCloudWorld();
  const { driver, context } = world;
  const { volume } = context("data");
  const check = (parameters: Record<string, string>) => driver.validate({ ...volume, parameters });
  const good = { region: "atl1", apiToken: "secret:do-api-token.shared.rune/token" };
  check(good);
  check({ ...good, fsType: "xfs" });
  const wrong = { region: "New York", fsType: "btrfs", volumeId: "photos" };
  assert.throws(() => check(wrong), (error) => {
    assert.ok(error instanceof RuneError);
    assert.deepEqual(error.issues?.map(({ path }) => path[0]), ["region", "fsType", "apiToken", "volumeId"]);
    return true;
  });
});

Deno.test("a token of another account, which knows nothing, makes nothing count as gone", async () => {
  await using world = await createCloudWorld();
  const { driver, fake, context } = world;
  // An account without the droplet of this node, as another one is.
  const ctx = { ...context("data", { node: "elsewhere" }), handle: crypto.randomUUID() };
  const ref = { namespace: "default", name: "s", uid: crypto.randomUUID() };
  const calls = {
    delete: () => driver.delete(ctx),
    detach: () => driver.detach(ctx),
    deleteSnapshot: () => driver.deleteSnapshot(ctx, { ...ref, handle: crypto.randomUUID() }),
    "deleteSnapshot without its id": () => driver.deleteSnapshot(ctx, ref),
  };
  for (const [name, call] of Object.entries(calls)) {
    const refusal = { code: "failed_precondition", permanent: false, message: /neither .* nor a droplet/ };
    await assert.rejects(call(), refusal, name);
  }
  await fake.becomeDroplet(fake.createDroplet("elsewhere"));
  for (const call of Object.values(calls)) await call();
});

Deno.test("detach() and delete() do not believe a single 404", async () => {
  await using world = await createCloudWorld();
  const { fake, driver, droplet, context } = world;
  const ctx = { ...context("data"), ...await driver.provision(context("data")) };
  await fake.attachVolume(ctx.handle, droplet);
  fake.setFault({ op: "volumes_get" }, { status: 404, message: "not found" });
  await driver.detach(ctx);
  assert.deepEqual(fake.volumes[0]!.dropletIds, []);
  const ref = snapshotOf(ctx);
  const snapshot = { ...ref, ...await driver.snapshot(ctx, ref) };
  fake.setFault({ op: "volumeSnapshots_delete_byId" }, { status: 404, message: "not found" });
  await driver.deleteSnapshot(ctx, snapshot);
  fake.setFault({ op: "volumes_delete" }, { status: 404, message: "not found" });
  await driver.delete(ctx);
  assert.deepEqual([fake.snapshots, fake.volumes], [[], []]);
});
