/**
 * A fake DigitalOcean and the driver at it. All waits are short. Unless a test brings loop devices, files
 * stand for the devices of attached volumes: they can be found and read, but not mounted.
 * @module
 */
import { join } from "node:path";
import { sleep } from "../../../base/delay.ts";
import { type Backing, createNoBacking } from "../../../tests/fakes/digitalocean/backing.ts";
import { FakeDigitalOcean, type FakeOptions } from "../../../tests/fakes/digitalocean/fake.ts";
import type { LoopBacking } from "../../../tests/fakes/digitalocean/loops.ts";
import { contextMaker, scratchDirectory } from "../../conformance_trial.ts";
import type { FsType } from "../../devices.ts";
import { createBegunNotes } from "../../begun_notes.ts";
import { createFreezer } from "../../freeze.ts";
import { listMounts, unmountDirectory } from "../../host.ts";
import { SYSFS } from "../device.ts";
import { type Cloud, createCloud, type Waits } from "../cloud.ts";
import { DoVolumeDriver } from "../do_driver.ts";
import type { Asker } from "../droplets.ts";
import { createRate } from "../rate.ts";
import { bytesOf } from "../sizes.ts";

/** The waits of tests, in milliseconds. What an answer may take stays long, for machines that are busy. */
export const SHORT_WAITS: Waits = {
  attemptMs: 5_000,
  backoffMs: [1, 1],
  pollMs: [1],
  lookMs: 1,
  busyMs: 1,
  busyLimitMs: 300,
  goneMs: 1,
  frozenMs: 5_000,
  deviceMs: 300,
  actionMs: 300,
};

/** The waits of tests with answers that never come. */
export const IMPATIENT: Waits = { attemptMs: 300, frozenMs: 300 };

/** A fake DigitalOcean, with this machine as its droplet `node`. */
export interface CloudWorld extends AsyncDisposable {
  fake: FakeDigitalOcean;
  token: string;
  /** The droplet that this machine is. */
  droplet: number;
  asker: Asker;
  cloud: Cloud;
  driver: DoVolumeDriver;
  /** Another driver on the same account and directories, as a restarted daemon has it. */
  restart(): DoVolumeDriver;
  /** Another driver on the same machine and directories. @param options.apiUrl of another account. */
  createDriver(options: { apiUrl: string }): { cloud: Cloud; driver: DoVolumeDriver };
  /** Creates the context of a volume of 1 GB. The same name gives the same uid. */
  context: ReturnType<typeof contextMaker>;
  createVolume(name: string): Promise<string>;
}

/** Options of {@linkcode createCloudWorld}. */
export interface WorldOptions extends Omit<FakeOptions, "backing"> {
  /** Loop devices for the volumes. The world removes them. */
  loops?: LoopBacking;
  fsType?: FsType;
  /** Where the metadata service is. Default: that of the fake. */
  metadataUrl?: string;
  /** Replaces some of {@linkcode SHORT_WAITS}. */
  waits?: Waits;
}

/** Starts a world. */
export async function createCloudWorld(
  { loops, fsType = "ext4", metadataUrl, waits, ...options }: WorldOptions = {},
): Promise<CloudWorld> {
  const scratch = await scratchDirectory();
  const directory = loops?.links ?? join(scratch.path, "devices");
  await Deno.mkdir(directory, { recursive: true });
  const fake = await FakeDigitalOcean.start({ backing: loops ?? createFileBacking(directory), ...options });
  const token = fake.createToken("full");
  const droplet = fake.createDroplet("node");
  await fake.becomeDroplet(droplet);
  const createDriver = ({ apiUrl }: { apiUrl: string }) => {
    const cloud = createCloud({
      apiUrl,
      metadataUrl: metadataUrl ?? fake.metadataUrl,
      places: { directory, sysfs: loops ? SYSFS : join(scratch.path, "sysfs") },
      freezer: createFreezer(join(scratch.path, "frozen")),
      snapshotNotes: createBegunNotes(join(scratch.path, "snapshotting")),
      waits: { ...SHORT_WAITS, ...(loops && { deviceMs: 10_000 }), ...waits },
      rate: createRate({ wait: (ms, signal) => sleep(Math.min(ms, 5), { signal }) }),
    });
    const mountRoot = join(scratch.path, "mounts");
    const notes = createBegunNotes(join(scratch.path, "formatting"));
    return { cloud, driver: new DoVolumeDriver({ cloud, mountRoot, notes }) };
  };
  const { cloud, driver } = createDriver({ apiUrl: fake.url });
  const parameters = () => ({ region: "nyc3", apiToken: token, fsType });
  return {
    ...{ fake, token, droplet, cloud, driver },
    asker: { token, signal: new AbortController().signal },
    restart: () => createDriver({ apiUrl: fake.url }).driver,
    createDriver,
    context: contextMaker({ sizeBytes: 1e9, parameters }),
    createVolume: async (name) => (await fake.createVolume({ name, sizeGb: 1 })).id,
    async [Symbol.asyncDispose]() {
      try {
        await unmountAll(join(scratch.path, "mounts"));
        await fake[Symbol.asyncDispose]();
      } finally {
        await scratch.remove();
      }
    },
  };
}

async function unmountAll(root: string): Promise<void> {
  const { signal } = new AbortController();
  for (const { mountPoint } of await listMounts()) {
    if (mountPoint.startsWith(`${root}/`)) await unmountDirectory(mountPoint, signal);
  }
}

/** Sparse files instead of devices: they can be found and read, but not mounted. */
function createFileBacking(directory: string): Backing {
  const fileOf = (name: string) => join(directory, `scsi-0DO_Volume_${name}`);
  return {
    ...createNoBacking(),
    async connect({ name, sizeGb }) {
      await Deno.writeFile(fileOf(name), new Uint8Array());
      await Deno.truncate(fileOf(name), bytesOf(sizeGb));
    },
    async resize({ name, sizeGb }) {
      await Deno.truncate(fileOf(name), bytesOf(sizeGb)).catch(ignoreMissing);
    },
    disconnect: ({ name }) => Deno.remove(fileOf(name)).catch(ignoreMissing),
  };
}

function ignoreMissing(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
