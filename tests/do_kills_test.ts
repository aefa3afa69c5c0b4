/**
 * Kills the daemon with SIGKILL at every request of every call of the driver `do-volume`: when the request
 * has arrived, when it has been carried out but not answered, and a moment after the answer. The next daemon
 * finishes the call, and DigitalOcean then has exactly one of everything. Records on the volume outlive all
 * of it. `RUNE_SEED` repeats the moments of a printed run.
 * @module
 */
import assert from "node:assert/strict";
import { ensureTestImage, TEST_IMAGE } from "../runners/docker/test_image.ts";
import { sleep } from "../base/delay.ts";
import { SLEEP } from "./castfiles.ts";
import { createClass, type Droplet, startDroplet } from "./droplet.ts";
import { type Host, startHost, until } from "./host.ts";
import { KILLS, randomFrom, SEED } from "./kills/random.ts";
import { send } from "./kills/world.ts";
import { noDocker, noLoopDevices } from "./skips.ts";

interface World {
  host: Host;
  droplet: Droplet;
  /** Records on the volume `data`, one for each start of its writer that was seen. */
  records: number;
  sizeGb: number;
}

/** A call of the driver, as a user begins it. */
interface Call {
  name: string;
  /** Brings about what the call needs. */
  prepare?(world: World): Promise<void>;
  begin(world: World): Promise<void>;
  isDone(world: World): Promise<boolean>;
  /** Checks what is there once the call is done. */
  check?(world: World): Promise<void>;
  /** Undoes the call. */
  undo?(world: World): Promise<void>;
}

const NS = "/v1/namespaces/default";
const WRITER = `n=$(cat /data/n 2>/dev/null || echo 0); echo $((n + 1)) > /data/n; sync; ${SLEEP}`;

async function request({ host }: World, method: string, path: string, body?: unknown): Promise<void> {
  const answer = await send(host, { method, path: `${NS}/${path}`, ...(body !== undefined && { body }) });
  assert.ok(answer?.ok, `${method} ${path}: ${answer?.text}`);
}

/** A resource as the API shows it; undefined if it does not exist. */
// deno-lint-ignore no-explicit-any
async function read({ host }: World, path: string): Promise<any> {
  const answer = await fetch(`${host.daemon.url}${NS}/${path}`);
  const body = await answer.json();
  return answer.ok ? body : undefined;
}

const isGone = async (world: World, path: string) => await read(world, path) === undefined;

const putVolume = (world: World, name: string, more: Record<string, unknown> = {}) =>
  request(world, "PUT", `volumes/${name}`, {
    storageClassName: "do-volumes-nyc3",
    size: `${world.sizeGb}G`,
    accessMode: "ReadWriteOnce",
    reclaimPolicy: "delete",
    ...more,
  });

const isAvailable = async (world: World, name: string) =>
  (await read(world, `volumes/${name}`))?.status.state === "Available";

async function makeVolume(world: World, name: string): Promise<void> {
  await putVolume(world, name);
  await until(`${name} is Available`, () => isAvailable(world, name));
}

async function removeVolume(world: World, name: string): Promise<void> {
  await request(world, "DELETE", `volumes/${name}`);
  await until(`${name} is gone`, () => isGone(world, `volumes/${name}`));
}

const startWriter = (world: World) =>
  request(world, "PUT", "services/writer", {
    image: TEST_IMAGE,
    command: ["/bin/sh", "-c", WRITER],
    stopTimeout: "1s",
    volumes: [{ name: "d", mountPath: "/data", claim: { name: "data" } }],
  });

const isWritten = async (world: World) => (await read(world, "services/writer"))?.status.ready === 1;

async function stopWriter(world: World): Promise<void> {
  await request(world, "DELETE", "services/writer");
  await until("the writer is gone", () => isGone(world, "services/writer"));
}

const isDetached = async (world: World) => (await read(world, "volumes/data")).status.boundNode === undefined;

async function detach(world: World): Promise<void> {
  await request(world, "POST", "volumes/data/actions/detach");
  await until("the volume is detached", () => isDetached(world));
}

async function attach(world: World): Promise<void> {
  await startWriter(world);
  await until("the writer runs", () => isWritten(world));
}

/** The last record on the volume `data`, which is mounted. */
async function readRecords(world: World): Promise<number> {
  const { mountPath } = (await read(world, "volumes/data")).status;
  return Number(await Deno.readTextFile(`${mountPath}/n`).catch(() => "0"));
}

/** Waits until a writer that has just started has added a record to all those that were there. */
async function checkRecords(world: World): Promise<void> {
  const before = world.records;
  world.records = await until(`there are more records than ${before}`, async () => {
    const records = await readRecords(world);
    return records > before && records;
  });
}

const putSnapshot = (world: World) => request(world, "PUT", "snapshots/s", { source: { volume: "data" } });

const isReady = async (world: World) => (await read(world, "snapshots/s"))?.status.state === "Ready";

async function removeSnapshot(world: World): Promise<void> {
  await request(world, "DELETE", "snapshots/s");
  await until("the snapshot is gone", () => isGone(world, "snapshots/s"));
}

async function makeSnapshot(world: World): Promise<void> {
  await putSnapshot(world);
  await until("the snapshot is Ready", () => isReady(world));
}

const CALLS: Call[] = [
  {
    name: "provision",
    begin: (world) => putVolume(world, "spare"),
    isDone: (world) => isAvailable(world, "spare"),
    async check(world) {
      assert.equal((await read(world, "volumes/spare")).status.adopted, false, "it was made for this volume");
    },
    undo: (world) => removeVolume(world, "spare"),
  },
  {
    name: "delete",
    prepare: (world) => makeVolume(world, "spare"),
    begin: (world) => request(world, "DELETE", "volumes/spare"),
    isDone: (world) => isGone(world, "volumes/spare"),
  },
  {
    name: "attach and mount",
    begin: startWriter,
    isDone: isWritten,
    check: checkRecords,
    async undo(world) {
      await stopWriter(world);
      await detach(world);
    },
  },
  {
    name: "detach",
    async prepare(world) {
      await attach(world);
      await checkRecords(world);
      await stopWriter(world);
    },
    begin: (world) => request(world, "POST", "volumes/data/actions/detach"),
    isDone: isDetached,
  },
  {
    name: "grow",
    async prepare(world) {
      await attach(world);
      await checkRecords(world);
    },
    async begin(world) {
      world.sizeGb++;
      await putVolume(world, "data");
    },
    async isDone(world) {
      const { status } = await read(world, "volumes/data");
      return status.sizeBytes === world.sizeGb * 1e9;
    },
    async check(world) {
      assert.equal(findVolume(world, "data").sizeGb, world.sizeGb);
      // The writer went on.
      assert.equal(await readRecords(world), world.records);
    },
    async undo(world) {
      await stopWriter(world);
      await detach(world);
    },
  },
  {
    name: "snapshot",
    prepare: attach,
    begin: putSnapshot,
    isDone: isReady,
    async undo(world) {
      await removeSnapshot(world);
      await stopWriter(world);
    },
  },
  {
    name: "deletion of a snapshot",
    prepare: makeSnapshot,
    begin: (world) => request(world, "DELETE", "snapshots/s"),
    isDone: (world) => isGone(world, "snapshots/s"),
  },
  {
    name: "restore",
    async prepare(world) {
      if (!await isReady(world)) await makeSnapshot(world);
    },
    begin: (world) => putVolume(world, "spare", { size: `${world.sizeGb + 1}G`, source: { snapshot: "s" } }),
    isDone: (world) => isAvailable(world, "spare"),
    async check(world) {
      assert.equal(findVolume(world, "spare").sizeGb, world.sizeGb + 1);
    },
    undo: (world) => removeVolume(world, "spare"),
  },
];

/** The one volume at DigitalOcean that is the volume `name` of Rune. */
function findVolume({ droplet: { fake } }: World, name: string) {
  const found = fake.volumes.filter((volume) => volume.description.includes(`volume=default/${name} `));
  assert.equal(found.length, 1, `${found.length} volumes for ${name}`);
  return found[0]!;
}

/** Checks that DigitalOcean has what Rune knows, once each, and nothing else. */
async function checkExactlyOne(world: World): Promise<void> {
  const { fake } = world.droplet;
  const [volumes, snapshots] = await Promise.all(
    ["volumes", "snapshots"].map(async (kind) => (await read(world, kind)).items),
  );
  const sort = (ids: string[]) => ids.toSorted();
  // deno-lint-ignore no-explicit-any
  const handles = (rows: any[]) => sort(rows.map(({ status }) => status.handle));
  assert.deepEqual(sort(fake.volumes.map(({ id }) => id)), handles(volumes));
  assert.deepEqual(sort(fake.snapshots.map(({ id }) => id)), handles(snapshots));
  for (const { name, status } of volumes) {
    const here = status.boundNode === undefined ? 0 : 1;
    assert.equal(findVolume(world, name).dropletIds.length, here, `attachments of ${name}`);
  }
}

/** How long after an answer a kill may come: attaching and formatting takes about as long. */
const ANSWERED_MS = 500;

const random = randomFrom(SEED);
/** More kills than the default of the other tests that kill. */
const IS_THOROUGH = KILLS > 20;

/** When the daemon is killed: a request has arrived, was carried out, or has been answered a moment ago. */
type Moment = "before" | "after" | "answered";

/**
 * Every moment in a nightly run. Otherwise both sides of each request that writes, and some of the others.
 */
function momentsOf(method: string): Moment[] {
  if (IS_THOROUGH) return ["before", "after", "answered"];
  if (method !== "GET") return ["before", "after"];
  return random() < 0.4 ? ["answered"] : [];
}

/** Carries a call out without a kill. @returns the method of each of its requests. */
async function countRequests(world: World, call: Call): Promise<string[]> {
  const { log } = world.droplet.fake;
  await call.prepare?.(world);
  const from = log.length;
  await call.begin(world);
  await until(`${call.name} is done`, () => call.isDone(world));
  const methods = log.slice(from).map(({ method }) => method);
  await call.check?.(world);
  await call.undo?.(world);
  return methods;
}

/** Kills the daemon at the request number `nth` of a call, and has the next one finish it. */
async function killAt(
  world: World,
  { call, nth, moment }: { call: Call; nth: number; moment: Moment },
): Promise<void> {
  const { host, droplet: { fake } } = world;
  await call.prepare?.(world);
  const fault = fake.setFault({ op: "*", nth }, { hang: moment === "after" ? "after" : "before" });
  await call.begin(world);
  const isDone = () => call.isDone(world);
  let reached = false;
  void fault.reached.then(() => reached = true);
  await until(`${call.name} has come to request ${nth}`, async () => reached || await isDone());
  fault.remove();
  if (moment === "answered") {
    fault.release();
    await sleep(random() * ANSWERED_MS);
  }
  await host.daemon.stop("SIGKILL");
  fault.release();
  await host.restart();
  await until(`${call.name} is done after a kill at request ${nth} (${moment})`, isDone);
  await checkExactlyOne(world);
  await call.check?.(world);
  await call.undo?.(world);
}

Deno.test({
  name:
    `a daemon killed at the requests of every call to DigitalOcean leaves exactly one of everything (seed ${SEED})`,
  ignore: noDocker || noLoopDevices,
  async fn(t) {
    await ensureTestImage();
    await using droplet = await startDroplet();
    await using host = await startHost({ runefile: droplet.runefile });
    await createClass(host, droplet);
    const world: World = { host, droplet, records: 0, sizeGb: 1 };
    await makeVolume(world, "data");
    for (const call of CALLS) {
      await t.step(call.name, async () => {
        const methods = await countRequests(world, call);
        assert.ok(methods.some((method) => method !== "GET"), `${call.name} asked for nothing`);
        for (const [i, method] of methods.entries()) {
          for (const moment of momentsOf(method)) await killAt(world, { call, nth: i + 1, moment });
        }
      });
    }
  },
});
