/**
 * A fake DigitalOcean and the driver's parts that speak to it, for tests without devices. All waits are
 * short. Files stand for the devices of attached volumes.
 * @module
 */
import { join } from "node:path";
import { sleep } from "../../../base/delay.ts";
import { type Backing, createNoBacking } from "../../../tests/fakes/digitalocean/backing.ts";
import { FakeDigitalOcean, type FakeOptions } from "../../../tests/fakes/digitalocean/fake.ts";
import { contextMaker, scratchDirectory } from "../../conformance_trial.ts";
import type { VolumeContext } from "../../driver.ts";
import { createFormatNotes } from "../../format_notes.ts";
import { createFreezer } from "../../freeze.ts";
import { type Cloud, createCloud, type Waits } from "../cloud.ts";
import { DoVolumeDriver } from "../do_driver.ts";
import type { Asker } from "../droplets.ts";
import { createRate } from "../rate.ts";
import { bytesOf } from "../sizes.ts";

/** The waits of tests, in milliseconds. */
export const SHORT_WAITS: Waits = {
  attemptMs: 200,
  backoffMs: [1, 1],
  pollMs: [1],
  lookMs: 1,
  busyMs: 1,
  goneMs: 1,
  frozenMs: 200,
  deviceMs: 300,
  actionMs: 100,
};

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
  /** Creates the context of a volume of 1 GB. The same name gives the same uid. */
  context: (name: string, overrides?: Partial<VolumeContext>) => VolumeContext;
  createVolume(name: string): Promise<string>;
}

/** Starts a world. */
export async function createCloudWorld(options: FakeOptions = {}): Promise<CloudWorld> {
  const scratch = await scratchDirectory();
  const directory = join(scratch.path, "devices");
  await Deno.mkdir(directory);
  const fake = await FakeDigitalOcean.start({ backing: createFileBacking(directory), ...options });
  const token = fake.createToken("full");
  const droplet = fake.createDroplet("node");
  await fake.becomeDroplet(droplet);
  const createDriver = () => {
    const cloud = createCloud({
      apiUrl: fake.url,
      metadataUrl: fake.metadataUrl,
      places: { directory, sysfs: join(scratch.path, "sysfs") },
      freezer: createFreezer(join(scratch.path, "frozen")),
      snapshotNotes: createFormatNotes(join(scratch.path, "snapshotting")),
      waits: SHORT_WAITS,
      rate: createRate({ wait: (ms, signal) => sleep(Math.min(ms, 5), { signal }) }),
    });
    const notes = createFormatNotes(join(scratch.path, "formatting"));
    return { cloud, driver: new DoVolumeDriver({ cloud, mountRoot: join(scratch.path, "mounts"), notes }) };
  };
  const { cloud, driver } = createDriver();
  const parameters = () => ({ region: "nyc3", apiToken: token });
  return {
    ...{ fake, token, droplet, cloud, driver },
    asker: { token, signal: new AbortController().signal },
    restart: () => createDriver().driver,
    context: contextMaker({ sizeBytes: 1e9, parameters }) as CloudWorld["context"],
    createVolume: async (name) => (await fake.createVolume({ name, sizeGb: 1 })).id,
    async [Symbol.asyncDispose]() {
      try {
        await fake[Symbol.asyncDispose]();
      } finally {
        await scratch.remove();
      }
    },
  };
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
