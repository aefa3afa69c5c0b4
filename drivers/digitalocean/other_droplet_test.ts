/**
 * The driver never decides about the volume of another droplet, although a name, a device or a description
 * suggests that the volume is ours.
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { createLoopBacking } from "../../tests/fakes/digitalocean/loops.ts";
import { noLoopDevices } from "../../tests/skips.ts";
import { snapshotOf } from "../conformance_calls.ts";
import { plainParameters, scratchDirectory } from "../conformance_trial.ts";
import type { VolumeContext } from "../driver.ts";
import { findMount, run, unmountDirectory } from "../host.ts";
import { type CloudWorld, createCloudWorld } from "./testing/cloud_world.ts";

const REFUSAL = { code: "failed_precondition", permanent: false };

/** Creates a volume and attaches it to the droplet of our name. This machine is the droplet `here`. */
async function attachToNamesake(world: CloudWorld, here: number): Promise<VolumeContext> {
  const { fake, driver, droplet, context } = world;
  const ctx = { ...context("data"), ...await driver.provision(context("data")) };
  await fake.becomeDroplet(here);
  await fake.attachVolume(ctx.handle, droplet);
  return ctx;
}

/** The same volume of Rune in the fresh store of another host. */
const renew = (ctx: VolumeContext): VolumeContext => ({
  ...ctx,
  volume: { ...ctx.volume, uid: crypto.randomUUID() },
});

Deno.test("detach() and delete() leave the volume of a droplet that only has our name", async () => {
  await using world = await createCloudWorld();
  const { fake, droplet } = world;
  const ctx = await attachToNamesake(world, fake.createDroplet("renamed"));
  await assert.rejects(world.restart().detach(ctx), REFUSAL);
  await assert.rejects(world.restart().delete(ctx), REFUSAL);
  assert.deepEqual(fake.volumes.map(({ dropletIds }) => dropletIds), [[droplet]]);
});

Deno.test("detach() asks nobody to detach a volume that is not here, if nobody says which droplet we are", async () => {
  await using world = await createCloudWorld();
  const { fake, droplet } = world;
  // The metadata service is silent.
  const ctx = await attachToNamesake(world, 0);
  await assert.rejects(world.restart().detach(ctx), { ...REFUSAL, message: /does not show its device/ });
  await assert.rejects(world.restart().delete(ctx), { ...REFUSAL, message: /does not show its device/ });
  assert.deepEqual(fake.volumes.map(({ dropletIds }) => dropletIds), [[droplet]]);
});

Deno.test("detach() detaches a volume whose device never appeared, if metadata says which droplet we are", async () => {
  await using world = await createCloudWorld();
  const { fake, driver, droplet } = world;
  const ctx = await attachToNamesake(world, droplet);
  const { directory } = world.cloud.places;
  for await (const { name } of Deno.readDir(directory)) await Deno.remove(join(directory, name));
  await driver.detach(ctx);
  assert.deepEqual(fake.volumes[0]!.dropletIds, []);
});

Deno.test("of two droplets of one name, the second neither adopts nor deletes a volume of the first", async () => {
  await using world = await createCloudWorld();
  const { fake, driver, context } = world;
  const { handle } = await driver.provision(context("data"));
  const second = fake.createDroplet("node");
  await fake.becomeDroplet(second);
  const host = world.restart();
  const theirs = renew(context("data"));
  const refusal = { ...REFUSAL, message: /names must be unique in an account/ };
  await assert.rejects(host.provision(theirs), refusal);
  await assert.rejects(host.provision({ ...theirs, ...giveVolumeId(theirs, handle) }), refusal);
  // It may have adopted the volume when there was one droplet of this name.
  await assert.rejects(host.delete({ ...theirs, handle }), refusal);
  assert.deepEqual(fake.volumes.map(({ id }) => id), [handle]);
  // What it created is its own, whatever droplets there are.
  const own = { ...context("other"), ...await host.provision(context("other")) };
  await host.delete(own);
  assert.deepEqual(fake.volumes.map(({ id }) => id), [handle]);
});

Deno.test("snapshot() copies no volume that another droplet may be writing to", async () => {
  await using world = await createCloudWorld();
  const { fake, driver, context } = world;
  const ctx = { ...context("data"), ...await driver.provision(context("data")) };
  const other = fake.createDroplet("other");
  await fake.attachVolume(ctx.handle, other);
  const refusal = { ...REFUSAL, message: /is attached to droplet other/ };
  await assert.rejects(driver.snapshot(ctx, snapshotOf(ctx)), refusal);
  assert.deepEqual(fake.snapshots, []);
  // A droplet that is gone writes nothing.
  await fake.destroyDroplet(other, { leaveAttached: true });
  await driver.snapshot(ctx, snapshotOf(ctx));
  assert.equal(fake.snapshots.length, 1);
});

Deno.test({
  name: "snapshot() copies no volume that is mounted where it cannot be frozen (needs root and loop devices)",
  ignore: noLoopDevices,
  async fn() {
    const loops = await createLoopBacking();
    await using world = await createCloudWorld({ loops });
    const { fake, driver, context } = world;
    const ctx = { ...context("data"), ...await driver.provision(context("data")) };
    await driver.attach(ctx);
    await driver.mount(ctx);
    await driver.unmount(ctx);
    const scratch = await scratchDirectory();
    const { signal } = new AbortController();
    try {
      await run("mount", [loops.deviceOf(ctx.handle)!, scratch.path], { what: "mount", signal });
      const refusal = { code: "unavailable", message: /is mounted at / };
      await assert.rejects(driver.snapshot(ctx, snapshotOf(ctx)), refusal);
      assert.deepEqual(fake.snapshots, []);
      await unmountDirectory(scratch.path, signal);
      await driver.snapshot(ctx, snapshotOf(ctx));
      assert.equal(fake.snapshots.length, 1);
    } finally {
      if (await findMount(scratch.path)) await unmountDirectory(scratch.path, signal);
      await scratch.remove();
    }
    await driver.detach(ctx);
  },
});

const giveVolumeId = (
  { parameters }: VolumeContext,
  volumeId: string,
): Pick<VolumeContext, "parameters"> => ({
  parameters: plainParameters({ ...parameters, volumeId }),
});
