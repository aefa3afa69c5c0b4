/**
 * Volumes of the fake as sparse files, which appear as loop devices with the links of DigitalOcean's images.
 * @module
 */
import { join } from "node:path";
import { sleepQuietly } from "../../../base/delay.ts";
import type { BackedVolume, Backing } from "./backing.ts";
import { keepBusy, type Obstacle, showSmaller, showUnreadable } from "./device_faults.ts";
import type { DeviceFault } from "./faults.ts";
import {
  attachLoop,
  copySparse,
  detachLoop,
  findMounts,
  isAttached,
  type LoopDevice,
  removeLoop,
  rereadSize,
} from "./loop_devices.ts";

const GIB = 2 ** 30;

/** How a backing behaves. */
export interface LoopOptions {
  /** How long a device keeps its old size after its volume has grown, in milliseconds. Default: 0. */
  rescanMs?: number;
}

/** See the module comment. */
export interface LoopBacking extends Backing {
  /** The directory of the links, as `/dev/disk/by-id`. */
  readonly links: string;
  /** The file of a volume. */
  imageOf(volumeId: string): string;
  /** The device of a volume; undefined if it is not attached here. */
  deviceOf(volumeId: string): string | undefined;
  /** Ends what is wrong with devices now, before its time. */
  endFaults(): Promise<void>;
}

/** A device that is attached, or about to be. */
interface Connection {
  device?: LoopDevice;
  /** Ends the waits of faults. What they wait for is then left out. */
  end: AbortController;
  /** Ends the waits of faults early. */
  hurry: AbortController;
  waiting: Promise<void>;
}

/** Creates the backing of one fake, in a directory of its own. */
export async function createLoopBacking({ rescanMs = 0 }: LoopOptions = {}): Promise<LoopBacking> {
  const directory = await Deno.realPath(await Deno.makeTempDir({ prefix: "rune-fake-do-" }));
  const [images, links] = [join(directory, "images"), join(directory, "by-id")];
  for (const path of [images, links]) await Deno.mkdir(path);
  const connections = new Map<string, Connection>();
  /** Every device that may still be attached. */
  const devices = new Set<LoopDevice>();
  const obstacles = new Set<Obstacle>();
  const violations: string[] = [];

  const imageOf = (id: string) => join(images, `${id}.img`);
  const standIn = (id: string) => join(images, `${id}.stand-in`);
  const linkOf = ({ name }: BackedVolume) => join(links, `scsi-0DO_Volume_${name}`);

  async function attach(volume: BackedVolume, connection: Connection): Promise<LoopDevice> {
    const device = await attachLoop(imageOf(volume.id));
    devices.add(device);
    connection.device = device;
    return device;
  }

  async function link(volume: BackedVolume, device: LoopDevice): Promise<void> {
    const next = `${linkOf(volume)}.next`;
    await Deno.symlink(device.path, next);
    await Deno.rename(next, linkOf(volume));
  }

  async function clear(obstacle: Obstacle): Promise<void> {
    if (!obstacles.delete(obstacle)) return;
    violations.push(...await obstacle.remove());
  }

  /** Shows the obstacle first, and the volume's own device after a while. */
  async function showLater(
    volume: BackedVolume,
    { connection, obstacle, ms }: { connection: Connection; obstacle?: Obstacle; ms: number },
  ): Promise<void> {
    if (obstacle) {
      obstacles.add(obstacle);
      await link(volume, obstacle.device);
    }
    connection.waiting = (async () => {
      if (await wait(ms, connection)) {
        await link(volume, connection.device ?? await attach(volume, connection));
      }
      if (obstacle) await clear(obstacle);
    })();
  }

  async function connect(volume: BackedVolume, fault?: DeviceFault): Promise<void> {
    if (connections.has(volume.id)) return;
    const connection: Connection = {
      end: new AbortController(),
      hurry: new AbortController(),
      waiting: Promise.resolve(),
    };
    connections.set(volume.id, connection);
    const { id, sizeGb } = volume;
    if (fault === "never") return;
    if (fault === undefined) {
      await link(volume, await attach(volume, connection));
    } else if ("lateMs" in fault) {
      await showLater(volume, { connection, ms: fault.lateMs });
    } else if ("wrongSizeMs" in fault) {
      const obstacle = await showSmaller(standIn(id), sizeGb);
      await showLater(volume, { connection, obstacle, ms: fault.wrongSizeMs });
    } else if ("unreadableMs" in fault) {
      const obstacle = await showUnreadable(standIn(id), sizeGb);
      await showLater(volume, { connection, obstacle, ms: fault.unreadableMs });
    } else {
      const obstacle = await keepBusy(await attach(volume, connection), join(images, `${id}.busy`));
      await showLater(volume, { connection, obstacle, ms: fault.busyMs });
    }
  }

  async function disconnect(volume: BackedVolume): Promise<void> {
    const connection = connections.get(volume.id);
    if (!connection) return;
    connections.delete(volume.id);
    connection.end.abort();
    await connection.waiting;
    await removeFile(linkOf(volume));
    const { device } = connection;
    if (!device) return;
    await detachLoop(device);
    if (!await isAttached(device)) devices.delete(device);
  }

  return {
    ...{ violations, links },
    imageOf,
    deviceOf: (id) => connections.get(id)?.device?.path,
    async endFaults() {
      for (const { hurry, waiting } of connections.values()) {
        hurry.abort();
        await waiting;
      }
    },
    connect,
    disconnect,
    async isMounted({ id }) {
      const device = connections.get(id)?.device;
      return device !== undefined && (await findMounts(device)).length > 0;
    },
    async create({ id, sizeGb }, from) {
      if (from !== undefined) return await copySparse(imageOf(from), imageOf(id));
      await Deno.writeFile(imageOf(id), new Uint8Array());
      await Deno.truncate(imageOf(id), sizeGb * GIB);
    },
    async remove(volume) {
      await disconnect(volume);
      await removeFile(imageOf(volume.id));
    },
    async resize({ id, sizeGb }) {
      await Deno.truncate(imageOf(id), sizeGb * GIB);
      const connection = connections.get(id);
      if (!connection) return;
      const before = connection.waiting;
      const reread = async () => {
        if (connection.device) await rereadSize(connection.device);
      };
      if (rescanMs === 0) return await reread();
      connection.waiting = (async () => {
        await before;
        if (await wait(rescanMs, connection)) await reread();
      })();
    },
    copy: ({ id }, snapshotId) => copySparse(imageOf(id), imageOf(snapshotId)),
    removeCopy: (snapshotId) => removeFile(imageOf(snapshotId)),
    async [Symbol.asyncDispose]() {
      const failures: unknown[] = [];
      const attempt = async (work: () => Promise<void>) => {
        await work().catch((error) => failures.push(error));
      };
      for (const { end, waiting } of connections.values()) {
        end.abort();
        await attempt(() => waiting);
      }
      for (const obstacle of obstacles) await attempt(() => clear(obstacle));
      for (const device of devices) await attempt(() => removeLoop(device));
      // Something may still be mounted there after a failure.
      if (failures.length === 0) await Deno.remove(directory, { recursive: true });
      if (failures.length > 0) throw new AggregateError(failures, "the devices of the fake were not removed");
    },
  };
}

/** Waits for the end of a fault. @returns whether the volume is still attached. */
async function wait(ms: number, { end, hurry }: Connection): Promise<boolean> {
  await sleepQuietly(ms, AbortSignal.any([end.signal, hurry.signal]));
  return !end.signal.aborted;
}

async function removeFile(path: string): Promise<void> {
  await Deno.remove(path).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
}
