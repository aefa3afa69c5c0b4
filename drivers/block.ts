/**
 * The path from a block device to a mounted directory: format once (`formatting.ts`), check, mount, grow. A
 * driver only provides the device.
 * @module
 */
import { dirname } from "node:path";
import { sleep } from "../base/delay.ts";
import { KeyedLock } from "../base/keyed_lock.ts";
import { RuneError } from "../model/error.ts";
import { checkFilesystem, DeviceBusy, growMounted, growUnmounted, mountDevice } from "./devices.ts";
import type { Growth } from "./driver.ts";
import { type BlockVolume, ensureFormatted } from "./formatting.ts";
import { findMount, listMounts, syncFilesystem, unmountDirectory } from "./host.ts";
import { abortError, callError, hostError } from "./host_error.ts";

/** How long to wait for a program that uses a device too, in milliseconds. */
const BUSY_MS = 15_000;
const LOOK_MS = 250;

/** Mounts of one device run one at a time, so that no two directories get it. */
const locks = new KeyedLock();

/**
 * Formats, checks and mounts a device on an existing directory, and grows it to the size of the device. May
 * be repeated. Waits a while for a program that uses the device too.
 *
 * @param options.directory Absolute, without symbolic links. The directories beside it are those of the
 * driver's other volumes, and no device is mounted at two of them.
 * @param options.options Options of the mount, besides those that the filesystem needs.
 * @returns whether the mounted filesystem has the size of the device.
 * @throws {RuneError} `failed_precondition` if the device contains something else, or if something else is
 * mounted there; `conflict`, not permanent, if the device is mounted as another volume.
 */
export async function mountBlock(
  volume: BlockVolume,
  options: MountOptions,
): Promise<Growth> {
  const number = await deviceNumber(volume.device);
  const { signal } = options;
  try {
    return await locks.run([number], { work: () => mountLocked(volume, { ...options, number }), signal });
  } catch (error) {
    throw callError(error, { what: `mount of ${volume.device} on ${options.directory}`, signal });
  }
}

/** The options of {@linkcode mountBlock}. */
interface MountOptions {
  directory: string;
  options?: string[];
  signal: AbortSignal;
  busyMs?: number;
}

async function mountLocked(
  volume: BlockVolume,
  { directory, number, options = [], signal, busyMs = BUSY_MS }: MountOptions & { number: string },
): Promise<Growth> {
  const { device, fsType } = volume;
  await refuseBeside(directory, { device, number });
  const mounted = await findMount(directory);
  if (mounted && mounted.device !== number) {
    throw new RuneError(
      "failed_precondition",
      `mount of ${device} on ${directory} failed: ${mounted.source} is mounted there`,
      { hint: `unmount it: umount ${directory}` },
    );
  }
  if (!mounted) {
    const work = async ({ isLast }: { isLast: boolean }) => {
      // It may still be mounted elsewhere, as in a container that outlived the daemon. Then it is a
      // filesystem in use.
      const other = (await listMounts()).find((mount) => mount.device === number);
      if (other && volume.blank) {
        throw new DeviceBusy("unavailable", `a new volume, and mounted at ${other.mountPoint}`);
      }
      if (!other) {
        await ensureFormatted(volume, signal);
        try {
          await checkFilesystem(device, { fsType, signal });
          await growUnmounted(device, { fsType, signal });
        } catch (error) {
          // Somebody with another view of mounts may still have it, as a container that was shown the
          // whole host. Then the kernel gives the same filesystem, which needs no check.
          if (!(error instanceof DeviceBusy) || volume.blank || !isLast) throw error;
        }
      }
      await mountDevice(device, { directory, fsType, options, signal });
    };
    await retryWhileBusy(volume, { work, busyMs, signal });
  }
  return await growMounted(directory, { device, fsType, signal });
}

/** Refuses a device that is mounted as another volume of the same driver. */
async function refuseBeside(
  directory: string,
  { device, number }: { device: string; number: string },
): Promise<void> {
  const root = dirname(directory);
  const other = (await listMounts()).find(({ device, mountPoint }) =>
    device === number && mountPoint !== directory && dirname(mountPoint) === root
  );
  if (!other) return;
  throw new RuneError(
    "conflict",
    `${device} is mounted at ${other.mountPoint}, which is the directory of another volume`,
    {
      hint: "two volumes of Rune lead to one device: find out which of them it is, and delete the other",
      permanent: false,
    },
  );
}

/**
 * Repeats `work` while another program uses the device, as udev rules of some hosts do for a moment. Says
 * which try is the last one.
 */
async function retryWhileBusy(
  { device, busyHint }: BlockVolume,
  { work, busyMs, signal }: {
    work: (options: { isLast: boolean }) => Promise<void>;
    busyMs: number;
    signal: AbortSignal;
  },
): Promise<void> {
  const began = performance.now();
  for (;;) {
    const isLast = performance.now() - began >= busyMs;
    try {
      return await work({ isLast });
    } catch (error) {
      if (!(error instanceof DeviceBusy)) throw error;
      if (isLast) {
        throw new DeviceBusy("unavailable", `${device} is in use: ${error.message}`, {
          hint: busyHint ?? `find what uses it: fuser -v -m ${device}, or a container that was shown the ` +
              "whole host; then end or unmount that",
          cause: error,
        });
      }
    }
    try {
      await sleep(LOOK_MS, { signal });
    } catch {
      throw abortError(`wait for ${device}`, signal);
    }
  }
}

/**
 * Unmounts a directory. Does nothing if nothing is mounted there. Afterwards all data is on the device, also
 * if somebody with another view of mounts still has the filesystem: then the kernel writes nothing by itself.
 */
export async function unmountBlock(directory: string, signal: AbortSignal): Promise<void> {
  if (await findMount(directory) === undefined) return;
  try {
    await syncFilesystem(directory, signal);
  } catch (error) {
    // A device that is gone takes no data any more, and must still be unmounted.
    if (signal.aborted) throw error;
  }
  await unmountDirectory(directory, signal);
}

/** The number of a device, `major:minor`, as in the mount table. */
export async function deviceNumber(device: string): Promise<string> {
  try {
    const { rdev, isBlockDevice } = await Deno.stat(device);
    // A file in the place of a missing device would take formatting and mounting too, and lie in memory.
    if (!isBlockDevice || rdev === null) throw new Error("it is no block device");
    // The bits of both numbers are interleaved: makedev(3).
    const major = Math.floor(rdev / 2 ** 8) & 0xfff;
    const minor = (rdev & 0xff) | (Math.floor(rdev / 2 ** 12) & 0xfff00);
    return `${major}:${minor}`;
  } catch (error) {
    throw hostError(`look at ${device}`, error);
  }
}
