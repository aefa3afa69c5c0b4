/**
 * Every fault at every request of every call. Whatever the call says then, it may be tried again; once the
 * fault has ended, it succeeds, and there is exactly one of everything.
 * @module
 */
import assert from "node:assert/strict";
import type { Fault, FaultHandle } from "./fakes/digitalocean/faults.ts";
import type { LogEntry } from "./fakes/digitalocean/service.ts";
import { RuneError } from "../model/error.ts";
import { provisionVolume, snapshotOf } from "../drivers/conformance_calls.ts";
import type { SnapshotRef, VolumeContext } from "../drivers/driver.ts";
import { type CloudWorld, createCloudWorld, IMPATIENT } from "../drivers/digitalocean/testing/cloud_world.ts";

/** What a call needs. */
interface Scene {
  world: CloudWorld;
  ctx: VolumeContext;
  ref: SnapshotRef;
}

/** What there must be in the account, in GB of each volume, and how many of the others. */
interface Account {
  volumes: number[];
  snapshots?: number;
  attached?: number;
}

interface Call {
  /** Brings the volume to where the call begins. */
  prepare(scene: Scene): Promise<Scene>;
  run(scene: Scene): Promise<unknown>;
  leaves: Account;
}

const provision = async (scene: Scene): Promise<Scene> => ({
  ...scene,
  ctx: await provisionVolume(scene.world.driver, scene.ctx),
});

async function attach(scene: Scene): Promise<Scene> {
  const provisioned = await provision(scene);
  await scene.world.driver.attach(provisioned.ctx);
  return provisioned;
}

async function snapshot(scene: Scene): Promise<Scene> {
  const { ctx, ...provisioned } = await provision(scene);
  const { handle } = await scene.world.driver.snapshot(ctx, scene.ref);
  return { ...provisioned, ctx, ref: { ...scene.ref, handle } };
}

const enlarge = (ctx: VolumeContext): VolumeContext => ({
  ...ctx,
  volume: { ...ctx.volume, sizeBytes: 3e9 },
});

const CALLS: Record<string, Call> = {
  "provision()": {
    prepare: (scene) => Promise.resolve(scene),
    run: ({ world, ctx }) => world.driver.provision(ctx),
    leaves: { volumes: [1] },
  },
  "provision() of a volume that exists and is smaller": {
    prepare: provision,
    run: ({ world, ctx }) => world.driver.provision(enlarge(ctx)),
    leaves: { volumes: [3] },
  },
  "attach()": {
    prepare: provision,
    run: ({ world, ctx }) => world.driver.attach(ctx),
    leaves: { volumes: [1], attached: 1 },
  },
  "attach() after a rebuild of the droplet": {
    async prepare(scene) {
      const attached = await attach(scene);
      await scene.world.fake.rebuildDroplet("node", { leaveAttached: true, pendingRefusals: 2 });
      return { ...attached, world: { ...scene.world, driver: scene.world.restart() } };
    },
    run: ({ world, ctx }) => world.driver.attach(ctx),
    leaves: { volumes: [1], attached: 1 },
  },
  "expand()": {
    prepare: attach,
    run: ({ world, ctx }) => world.driver.expand(enlarge(ctx)),
    leaves: { volumes: [3], attached: 1 },
  },
  "detach()": {
    prepare: attach,
    run: ({ world, ctx }) => world.driver.detach(ctx),
    leaves: { volumes: [1] },
  },
  "snapshot()": {
    prepare: provision,
    run: ({ world, ctx, ref }) => world.driver.snapshot(ctx, ref),
    leaves: { volumes: [1], snapshots: 1 },
  },
  "materialize() of a larger volume": {
    prepare: snapshot,
    run: ({ world, ref }) =>
      world.driver.materialize(enlarge(world.context("copy")), { from: "snapshot", snapshot: ref }),
    leaves: { volumes: [1, 3], snapshots: 1 },
  },
  "deleteSnapshot()": {
    prepare: snapshot,
    run: ({ world, ctx, ref }) => world.driver.deleteSnapshot(ctx, ref),
    leaves: { volumes: [1] },
  },
  "delete()": {
    prepare: provision,
    run: ({ world, ctx }) => world.driver.delete(ctx),
    leaves: { volumes: [] },
  },
  "delete() of a volume whose creation was never answered": {
    async prepare(scene) {
      const { handle: _, ...ctx } = (await provision(scene)).ctx;
      return { ...scene, ctx };
    },
    run: ({ world, ctx }) => world.driver.delete(ctx),
    leaves: { volumes: [] },
  },
  "delete() of a volume that is attached": {
    prepare: attach,
    run: ({ world, ctx }) => world.driver.delete(ctx),
    leaves: { volumes: [] },
  },
};

/** Any request may meet these. */
const FAULTS: Fault[] = [
  { status: 429, retryAfter: 0 },
  { status: 500 },
  { status: 502, after: true },
  { status: 503, after: true },
  { status: 401, message: "Unable to authenticate you" },
  { status: 403, message: "You do not have access for the attempted action." },
  { status: 403, message: "volume/snapshot capacity limit exceeded" },
  { status: 404, message: "The resource you were accessing could not be found." },
  { status: 409, message: "conflict" },
  { status: 422, message: "something is wrong" },
  { status: 422, message: "Droplet already has a pending event." },
  { reset: true },
  { reset: true, after: true },
  { hang: "before" },
  { hang: "after" },
  { garbage: "html", after: true },
  { garbage: "truncated", after: true },
  { garbage: "empty", after: true },
  { late: true },
];

/** Only changes of volumes may meet these. */
const CHANGE_FAULTS: Fault[] = [
  { lag: 2 },
  { action: "errored" },
  { action: { polls: 150 } },
  { erroredButDone: true },
];
const CHANGES: LogEntry["op"][] = ["volumes_create", "volumes_delete", "volumeActions_post_byId"];

/** How often a call is repeated at most. A controller repeats it without end, but later each time. */
const MOST = 6;

async function inScene(call: Call, work: (scene: Scene) => Promise<void>): Promise<void> {
  // Only looks end its actions, so every run has the same requests.
  await using world = await createCloudWorld({ actionMs: 600_000, waits: IMPATIENT });
  const ctx = world.context("data");
  const scene = await call.prepare({ world, ctx, ref: snapshotOf(ctx) });
  world.fake.log.length = 0;
  await work(scene);
}

/** Runs the call once. @returns its error, which may not be final. */
async function tryCall(call: Call, scene: Scene): Promise<unknown> {
  try {
    await call.run(scene);
    return undefined;
  } catch (error) {
    assert.ok(error instanceof RuneError, Deno.inspect(error));
    assert.equal(error.permanent, false, error.message);
    assert.ok(!Deno.inspect(error).includes(scene.world.token), "the error shows the token");
    return error;
  }
}

/** @param options.isLast whether the work of a late request is done after everything else. */
async function meetFault(
  call: Call,
  { fault, nth, isLast }: { fault: Fault; nth: number; isLast: boolean },
): Promise<void> {
  await inScene(call, async (scene) => {
    const { fake } = scene.world;
    const handle: FaultHandle = fake.setFault({ op: "*", nth }, fault);
    // On a busy machine a call may give up before the request that is to meet it.
    for (let tries = 0; handle.used === 0 && tries < MOST; tries++) await tryCall(call, scene);
    assert.equal(handle.used, 1, "no request met the fault");
    fake.clearFaults();
    const release = async () => {
      handle.release();
      await handle.awaitWork();
    };
    if (!isLast) await release();
    const errors = [];
    for (let error; (error = await tryCall(call, scene)) !== undefined;) {
      errors.push(error);
      assert.ok(errors.length < MOST, Deno.inspect(errors));
    }
    if (isLast) await release();
    assertAccount(scene.world, call.leaves);
  });
}

function assertAccount({ fake }: CloudWorld, { volumes, snapshots = 0, attached = 0 }: Account): void {
  const droplets = new Set(fake.droplets.map(({ id }) => id));
  assert.deepEqual({
    volumes: fake.volumes.map(({ sizeGb }) => sizeGb).sort(),
    snapshots: fake.snapshots.length,
    attached: fake.volumes.flatMap(({ dropletIds }) => dropletIds).filter((id) => droplets.has(id)).length,
    lost: fake.volumes.flatMap(({ dropletIds }) => dropletIds).filter((id) => !droplets.has(id)).length,
  }, { volumes, snapshots, attached, lost: 0 });
}

for (const [name, call] of Object.entries(CALLS)) {
  Deno.test(`${name} survives every fault at every request`, async () => {
    let requests: LogEntry[] = [];
    await inScene(call, async (scene) => {
      assert.equal(await tryCall(call, scene), undefined);
      assertAccount(scene.world, call.leaves);
      requests = [...scene.world.fake.log];
    });
    const failures: string[] = [];
    for (const [i, { op }] of requests.entries()) {
      const faults = [
        ...FAULTS,
        ...(CHANGES.includes(op) ? CHANGE_FAULTS : []),
      ].flatMap((fault) => ("late" in fault ? [false, true] : [false]).map((isLast) => ({ fault, isLast })));
      // Each has an account of its own, so several can wait at once.
      const tests = faults.map(({ fault, isLast }) => async () => {
        try {
          await meetFault(call, { fault, nth: i + 1, isLast });
        } catch (error) {
          assert.ok(error instanceof Error);
          failures.push(`${JSON.stringify(fault)} at request ${i + 1}, ${op}: ${error.message}`);
        }
      });
      while (tests.length > 0) await Promise.all(tests.splice(0, 6).map((test) => test()));
    }
    assert.deepEqual(failures, []);
  });
}
