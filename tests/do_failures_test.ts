/**
 * Walks the failure table of docs/digitalocean.md: for each row, the driver meets the fault at a fake of
 * DigitalOcean, and says the sentence of the row.
 * @module
 */
import assert from "node:assert/strict";
import { contextMaker } from "../drivers/conformance_trial.ts";
import { createCloud } from "../drivers/digitalocean/cloud.ts";
import { DoVolumeDriver } from "../drivers/digitalocean/do_driver.ts";
import type { VolumeContext } from "../drivers/driver.ts";
import { createBegunNotes } from "../drivers/begun_notes.ts";
import { createFreezer } from "../drivers/freeze.ts";
import { RuneError } from "../model/error.ts";
import { capture } from "../scripts/command.ts";
import { readTable } from "../scripts/doc_tables.ts";
import { ROOT } from "../scripts/tree.ts";
import { FakeDigitalOcean } from "./fakes/digitalocean/fake.ts";
import { createLoopBacking, type LoopBacking } from "./fakes/digitalocean/loops.ts";
import { noLoopDevices } from "./skips.ts";

/** A driver at a fake with loop devices. */
interface World {
  fake: FakeDigitalOcean;
  backing: LoopBacking;
  /** Where the kernel describes block devices. */
  sysfs: string;
  driver: DoVolumeDriver;
  token: string;
  droplet: number;
  context: ReturnType<typeof contextMaker>;
  /** Creates a volume. @returns the context of calls on it. */
  provision(overrides?: Partial<VolumeContext>): Promise<VolumeContext>;
}

const REGION = "nyc3";

async function inWorld(work: (world: World) => Promise<void>): Promise<void> {
  const directory = await Deno.realPath(await Deno.makeTempDir({ prefix: "rune-do-" }));
  // For the devices that have no link. There are none, unless a scenario adds one.
  const sysfs = `${directory}/sysfs`;
  try {
    await Deno.mkdir(sysfs);
    const backing = await createLoopBacking();
    await using fake = await FakeDigitalOcean.start({ backing });
    const droplet = fake.createDroplet("web-1", { region: REGION });
    await fake.becomeDroplet(droplet);
    const token = fake.createToken("full");
    const cloud = createCloud({
      apiUrl: fake.url,
      metadataUrl: fake.metadataUrl,
      places: { directory: backing.links, sysfs },
      freezer: createFreezer(`${directory}/frozen`),
      snapshotNotes: createBegunNotes(`${directory}/snapshotting`),
      waits: {
        ...{ backoffMs: [1], pollMs: [1], lookMs: 1, busyMs: 1, busyLimitMs: 50, actionMs: 50, goneMs: 1 },
        deviceMs: 500,
      },
    });
    const driver = new DoVolumeDriver({
      cloud,
      mountRoot: `${directory}/mounted`,
      notes: createBegunNotes(`${directory}/notes`),
    });
    const make = contextMaker({ sizeBytes: 1e9, parameters: () => ({ region: REGION, apiToken: token }) });
    const context: typeof make = (name, overrides) => make(name, { node: "web-1", ...overrides });
    await work({
      ...{ fake, backing, sysfs, driver, token, droplet, context },
      async provision(overrides = {}) {
        const ctx = { ...context("data"), ...overrides };
        return { ...ctx, handle: (await driver.provision(ctx)).handle };
      },
    });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const parameters = (world: World, more: Record<string, string>) => ({
  parameters: { region: REGION, apiToken: world.token, ...more },
});

/** Writes to the device, and mounts the volume. */
async function mountOver(
  world: World,
  { blank = true, fill }: { blank?: boolean; fill?: (device: string) => Promise<unknown> },
): Promise<void> {
  const ctx = await world.provision();
  await world.driver.attach(ctx);
  await fill?.(world.backing.deviceOf(ctx.handle!)!);
  await world.driver.mount({ ...ctx, blank });
}

async function run(command: string[]): Promise<void> {
  const { code, stderr } = await capture(command);
  assert.equal(code, 0, stderr);
}

/** The scenarios, by the message of the row. Each calls the driver, whose last call fails. */
const SCENARIOS: Record<string, (world: World) => Promise<unknown>> = {
  async "DigitalOcean refused the token: <words>"({ fake, driver, token, context }) {
    fake.revokeToken(token);
    await driver.provision(context("data"));
  },
  async "apiToken is no token: it has spaces or other characters"(world) {
    await world.driver.provision(world.context("data", parameters(world, { apiToken: "my token" })));
  },
  async "the token lacks the scope <scope>, which the <request> needs: <words>"(world) {
    const ctx = await world.provision();
    world.fake.setScopes(world.token, ["block_storage:read", "droplet:read", "actions:read"]);
    await world.driver.attach(ctx);
  },
  async "a limit of the account is reached: <words>"({ fake, driver, context }) {
    fake.setQuota(0);
    await driver.provision(context("data"));
  },
  async 'no DO droplet matches hostname "<name>"'(world) {
    await world.driver.attach(await world.provision({ node: "web-2" }));
  },
  async 'no DO droplet matches hostname "<name>": <n> do (<ids>); names must be unique in an account'(world) {
    world.fake.createDroplet("web-1");
    await world.driver.attach(await world.provision());
  },
  async 'droplet "<name>" (<id>) of the token\'s account is not this machine, which is droplet <id> "<name>"'(
    { fake, driver, provision },
  ) {
    const ctx = await provision();
    await fake.becomeDroplet(fake.createDroplet("web-2"));
    await driver.attach(ctx);
  },
  async 'volume <name> is attached to <droplets>, and this machine is droplet <id> "<name>"'(world) {
    const ctx = await world.provision();
    await world.fake.attachVolume(ctx.handle!, world.fake.createDroplet("web-2"));
    await world.driver.mount(ctx);
  },
  async "<device> is mounted at <path>, and is not the device of volume <name>"(world) {
    const ctx = await world.provision();
    const other = world.context("other");
    const { handle } = await world.driver.provision(other);
    for (const each of [ctx, { ...other, handle }]) await world.driver.attach(each);
    const { path } = await world.driver.mount(ctx);
    await world.driver.unmount(ctx);
    await world.driver.mount({ ...other, handle });
    await run(["mount", world.backing.deviceOf(handle)!, path]);
    try {
      await world.driver.snapshot(ctx, { namespace: "default", name: "s", uid: crypto.randomUUID() });
    } finally {
      await run(["umount", path]);
    }
  },
  async "<device> is mounted at <path>, which is the directory of another volume"(world) {
    const ctx = await world.provision();
    await world.driver.attach(ctx);
    const { path } = await world.driver.mount(ctx);
    await world.driver.unmount(ctx);
    const beside = `${path}-beside`;
    await Deno.mkdir(beside);
    await run(["mount", world.backing.deviceOf(ctx.handle!)!, beside]);
    try {
      await world.driver.mount({ ...ctx, blank: false });
    } finally {
      await run(["umount", beside]);
    }
  },
  async "region: expected <region>, the droplet <name> is in <region>"(world) {
    const ctx = await world.provision();
    world.fake.changeDroplet(world.droplet, { region: "fra1" });
    await world.driver.attach(ctx);
  },
  async "region: expected <region>, the volume <name> is in <region>"(world) {
    const { id } = await world.fake.createVolume({ name: "archive", sizeGb: 1, region: "fra1" });
    const ctx = world.context("data", parameters(world, { volumeId: id }));
    await world.driver.attach({ ...ctx, handle: (await world.driver.provision(ctx)).handle });
  },
  async "region: the snapshot is in <regions>, expected <region>"(world) {
    const ref = { namespace: "default", name: "s", uid: crypto.randomUUID() };
    const { handle } = await world.driver.snapshot(await world.provision(), ref);
    const elsewhere = world.context("copy", parameters(world, { region: "fra1" }));
    await world.driver.materialize(elsewhere, { from: "snapshot", snapshot: { ...ref, handle } });
  },
  async "volume <name> is attached to droplet <name> (<id>)"(world) {
    const ctx = await world.provision();
    await world.fake.attachVolume(ctx.handle!, world.fake.createDroplet("web-2"));
    await world.driver.attach(ctx);
  },
  async "volume <name> is attached to droplet <name> (<id>), and this machine does not show its device"(
    world,
  ) {
    const ctx = await world.provision();
    // No metadata service answers.
    await world.fake.becomeDroplet(0);
    await world.fake.attachVolume(ctx.handle!, world.droplet);
    await world.driver.detach(ctx);
  },
  async "action <id> (attach) errored"(world) {
    world.fake.setFault({ op: "volumeActions_post_byId" }, { action: "errored" });
    await world.driver.attach(await world.provision());
  },
  async "action <id> (attach) has not ended after <n> s"(world) {
    world.fake.setFault({ op: "volumeActions_post_byId" }, { action: "never" });
    await world.driver.attach(await world.provision());
  },
  async "attach waits for another action of the droplet"(world) {
    world.fake.changeDroplet(world.droplet, { pendingRefusals: 10_000 });
    await world.driver.attach(await world.provision());
  },
  async "<action> completed, but the volume does not show it"(world) {
    world.fake.setFault({ op: "volumeActions_post_byId" }, { lag: 99 });
    await world.driver.attach(await world.provision());
  },
  async "action on a volume refused: <words> (status 422<…>)"(world) {
    const ctx = await world.provision();
    for (let n = 1; n <= 15; n++) {
      const { id } = await world.fake.createVolume({ name: `other-${n}`, sizeGb: 1 });
      await world.fake.attachVolume(id, world.droplet);
    }
    await world.driver.attach(ctx);
  },
  async "the device of volume <name> has not appeared"(world) {
    world.fake.setFault({ op: "volumeActions_post_byId" }, { device: "never" });
    await world.driver.attach(await world.provision());
  },
  async "the device of volume <name> has <n> bytes, expected <n>"(world) {
    world.fake.setFault({ op: "volumeActions_post_byId" }, { device: { wrongSizeMs: 60_000 } });
    await world.driver.attach(await world.provision());
  },
  async "volume <name> is detached, but <device> is still there"(world) {
    const ctx = await world.provision();
    await world.driver.attach(ctx);
    const { name } = world.fake.volumes[0]!;
    await Deno.mkdir(`${world.sysfs}/sdz/device`, { recursive: true });
    await Deno.writeTextFile(`${world.sysfs}/sdz/device/wwid`, `t10.DO      Volume          ${name}\n`);
    await world.driver.detach(ctx);
  },
  "<device> holds <type>, expected <type> or nothing": (world) =>
    mountOver(world, { fill: (device) => run(["mkfs.ext2", "-qF", device]) }),
  "<device> holds data that is no known filesystem, expected a blank device": (world) =>
    mountOver(world, {
      async fill(device) {
        using file = await Deno.open(device, { write: true });
        await file.write(new TextEncoder().encode("mine"));
      },
    }),
  "<device> holds an <type> that was not made for this volume, expected a blank device": (world) =>
    mountOver(world, { fill: (device) => run(["mkfs.ext4", "-qF", device]) }),
  "<device> is in use: <words>": (world) =>
    mountOver(world, {
      async fill(device) {
        const directory = `${world.backing.links}/elsewhere`;
        await Deno.mkdir(directory);
        await run(["mkfs.ext4", "-qF", device]);
        await run(["mount", "-o", "ro", device, directory]);
      },
    }),
  "check of <device> failed: <words>": (world) =>
    mountOver(world, {
      blank: false,
      async fill(device) {
        await run(["mkfs.ext4", "-qF", device]);
        for (const request of ["clri <2>", "set_super_value state 2"]) {
          await run(["debugfs", "-w", "-R", request, device]);
        }
      },
    }),
  async "freeze of <path> failed: <words>"(world) {
    const ctx = await world.provision();
    await world.driver.attach(ctx);
    const { path } = await world.driver.mount(ctx);
    await run(["fsfreeze", "--freeze", path]);
    try {
      await world.driver.snapshot(ctx, { namespace: "default", name: "s", uid: crypto.randomUUID() });
    } finally {
      await run(["fsfreeze", "--unfreeze", path]);
    }
  },
  "<device> holds no filesystem, expected <type>: this volume has had data before": (world) =>
    mountOver(world, { blank: false }),
  async "DigitalOcean already has a volume <name> (<id>), which is not that of <volume>"(world) {
    const { handle } = await world.provision();
    const { name } = world.fake.volumes.find(({ id }) => id === handle)!;
    await world.fake.deleteVolume(handle!);
    await world.fake.createVolume({ name, sizeGb: 1 });
    await world.provision();
  },
  async "volume <id> is that of <volume> of <installation>"(world) {
    const { handle } = await world.provision();
    await world.driver.provision(world.context("other", parameters(world, { volumeId: handle! })));
  },
  async "DigitalOcean has no volume <id>"(world) {
    const ctx = await world.provision();
    await world.fake.deleteVolume(ctx.handle!);
    await world.driver.attach(ctx);
  },
  async 'the account of the token has neither <what> nor a droplet "<name>"'(world) {
    const ctx = await world.provision({ node: "web-2" });
    await world.fake.deleteVolume(ctx.handle!);
    await world.driver.delete(ctx);
  },
  async "DigitalOcean has no snapshot <id>"(world) {
    const snapshot = { namespace: "default", name: "s", uid: "u", handle: crypto.randomUUID() };
    await world.driver.materialize(world.context("copy"), { from: "snapshot", snapshot });
  },
  async "snapshot of volume <id> refused: <words> (it has <n> snapshots)"(world) {
    world.fake.setFault({ op: "volumeSnapshots_create" }, { status: 422, message: "too soon" });
    const ref = { namespace: "default", name: "s", uid: crypto.randomUUID() };
    await world.driver.snapshot(await world.provision(), ref);
  },
  async "the snapshot needs <n> GB, found <n> GB"(world) {
    const large = world.context("large");
    const ctx = { ...large, volume: { ...large.volume, sizeBytes: 5e9 } };
    const ref = { namespace: "default", name: "s", uid: crypto.randomUUID() };
    const { handle } = await world.driver.snapshot(
      { ...ctx, handle: (await world.driver.provision(ctx)).handle },
      ref,
    );
    await world.driver.materialize(world.context("copy"), {
      from: "snapshot",
      snapshot: { ...ref, handle },
    });
  },
  async "volume <id> cannot be deleted yet: <words>"(world) {
    const { fake, driver } = world;
    const ctx = await world.provision();
    await fake.attachVolume(ctx.handle!, fake.createDroplet("unknown to Rune"));
    await driver.delete(ctx);
  },
  async "<device> is mounted at <path>"(world) {
    const ctx = await world.provision();
    await world.driver.attach(ctx);
    await world.driver.mount(ctx);
    await world.driver.detach(ctx);
  },
  async "the <request> failed: status <n>"(world) {
    world.fake.setFault({ op: "volumes_list", times: 99 }, { status: 503 });
    await world.provision();
  },
  async "no answer to the <request>: <words>"(world) {
    world.fake.setFault({ op: "volumes_list", times: 99 }, { reset: true });
    await world.provision();
  },
  async "the answer to the <request> is not one of DigitalOcean"(world) {
    world.fake.setFault({ op: "volumes_list", times: 99 }, { garbage: "html" });
    await world.provision();
  },
  async "<request> refused: <words> (status 429<…>)"(world) {
    world.fake.setFault({ op: "volumes_list", times: 99 }, { status: 429, retryAfter: 0 });
    await world.provision();
  },
};

/** The form of a row's message. What stands in `<…>` may be anything. */
const patternOf = (message: string) => new RegExp(message.split(/<[^>]+>/).map(RegExp.escape).join(".*"));

const page = await Deno.readTextFile(`${ROOT}/docs/digitalocean.md`);
const rows = readTable(page, "message").map(([cell]) => cell!);

Deno.test("each row of the failure table of docs/digitalocean.md has a scenario, and each scenario a row", () => {
  assert.deepEqual(rows.toSorted(), Object.keys(SCENARIOS).toSorted());
});

for (const message of rows) {
  Deno.test({
    name: `do-volume says as docs/digitalocean.md: ${message}`,
    ignore: noLoopDevices,
    async fn() {
      let failure: unknown;
      await inWorld(async (world) => {
        await assert.rejects(SCENARIOS[message]!(world), (error) => {
          failure = error;
          return true;
        });
        assert.ok(failure instanceof RuneError, String(failure));
        assert.match(failure.message, patternOf(message));
        assert.ok(failure.hint, `no hint: ${failure.message}`);
        assert.ok(!`${failure.message}${failure.hint}`.includes(world.token), "the token is in the message");
      });
    },
  });
}

/** Every call of the driver, once. It fails at the first one that lacks its scope. */
async function liveWhole({ fake, driver, context, provision }: World): Promise<void> {
  const ctx = await provision();
  // The volume still names the droplet of before, so that the driver looks whether that exists.
  const before = fake.createDroplet("before");
  await fake.attachVolume(ctx.handle!, before);
  await fake.destroyDroplet(before, { leaveAttached: true });
  await driver.attach(ctx);
  await driver.detach(ctx);
  const ref = { namespace: "default", name: "s", uid: crypto.randomUUID() };
  const snapshot = { ...ref, handle: (await driver.snapshot(ctx, ref)).handle };
  await driver.materialize(context("copy"), { from: "snapshot", snapshot });
  await driver.deleteSnapshot(ctx, snapshot);
  assert.equal((await driver.listVolumes(ctx)).length, fake.volumes.length);
  await driver.delete(ctx);
}

const scopes = [...new Set(readTable(page, "scope").map(([scope]) => scope!))];

Deno.test({
  name: "a token with the scopes of docs/digitalocean.md is enough for every call",
  ignore: noLoopDevices,
  fn: () =>
    inWorld(async (world) => {
      world.fake.setScopes(world.token, scopes);
      await liveWhole(world);
      assert.equal(world.fake.volumes.length, 1, "the copy");
    }),
});

for (const scope of scopes) {
  Deno.test({
    name: `do-volume names the scope ${scope} if the token lacks it`,
    ignore: noLoopDevices,
    fn: () =>
      inWorld(async (world) => {
        world.fake.setScopes(world.token, scopes.filter((other) => other !== scope));
        await assert.rejects(liveWhole(world), ({ message }: Error) => {
          assert.match(message, new RegExp(`the token lacks the scope ${scope}, which the `));
          return true;
        });
      }),
  });
}
