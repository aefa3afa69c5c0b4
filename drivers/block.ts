/**
 * The path from a block device to a mounted directory: format once, check, mount, grow. A driver only
 * provides the device. After a crash of the daemon or the machine at any point, the contents of the device
 * show how to continue.
 *
 * The label `rune-making` distinguishes an interrupted formatting from another filesystem. It is removed
 * after the whole filesystem is on disk and before the first mount. See docs/decisions/0053.
 * @module
 */
import { RuneError } from "../model/error.ts";
import {
  checkFilesystem,
  clearLabel,
  type DeviceContent,
  formatDevice,
  type FsType,
  growMounted,
  growUnmounted,
  mountDevice,
  probeDevice,
} from "./devices.ts";
import { findMount, listMounts, unmountDirectory } from "./host.ts";
import { hostError } from "./host_error.ts";

/** The label of a filesystem that is being made; at most 12 bytes, for xfs. */
const MAKING = "rune-making";

/** A volume on a block device of this machine. */
export interface BlockVolume {
  /** The path of the device, such as `/dev/sdb`. */
  device: string;
  fsType: FsType;
  /** The uid of the volume, which becomes the uuid of its filesystem. */
  uid: string;
}

/**
 * Decides from the contents of a device whether to format it: only if it is empty, or if a formatting for
 * this volume was interrupted. Any filesystem of the right type is used unchanged.
 *
 * @throws {RuneError} `failed_precondition` (permanent) if it contains something else.
 */
export function mustFormat(found: DeviceContent | undefined, { device, fsType, uid }: BlockVolume): boolean {
  if (found === undefined) return true;
  const hint = `wipe it yourself if nobody needs its contents: wipefs --all ${device}`;
  if (found.type !== fsType) {
    throw new RuneError(
      "failed_precondition",
      `${device} holds ${found.type}, expected ${fsType} or nothing`,
      { hint: `set fsType to the existing type, or ${hint}` },
    );
  }
  if (found.label !== MAKING) return false;
  if (found.uuid === uid) return true;
  throw new RuneError(
    "failed_precondition",
    `${device} holds the remains of an interrupted formatting for another volume`,
    { hint },
  );
}

/** Makes a filesystem on an empty device. Does nothing if it has one of that type. */
export async function ensureFormatted(volume: BlockVolume, signal: AbortSignal): Promise<void> {
  const { device, fsType, uid: uuid } = volume;
  if (!mustFormat(await probeDevice(device, signal), volume)) return;
  await formatDevice(device, { fsType, label: MAKING, uuid, signal });
  await clearLabel(device, { fsType, signal });
}

/**
 * Formats, checks and mounts a device on an existing directory, and grows it to the size of the device. May
 * be repeated.
 *
 * @param options.directory Absolute, without symbolic links.
 * @throws {RuneError} `failed_precondition` if the device contains something else, or if something else is
 * mounted there.
 */
export async function mountBlock(
  volume: BlockVolume,
  { directory, signal }: { directory: string; signal: AbortSignal },
): Promise<void> {
  const { device, fsType } = volume;
  const mounted = await findMount(directory);
  const number = await deviceNumber(device);
  if (mounted && mounted.device !== number) {
    throw new RuneError(
      "failed_precondition",
      `mount of ${device} on ${directory} failed: ${mounted.source} is mounted there`,
      { hint: `unmount it: umount ${directory}` },
    );
  }
  if (!mounted) {
    // It may still be mounted elsewhere, as in a container that outlived the daemon. Then it is a filesystem
    // in use.
    const isInUse = (await listMounts()).some((mount) => mount.device === number);
    if (!isInUse) {
      await ensureFormatted(volume, signal);
      await checkFilesystem(device, { fsType, signal });
      await growUnmounted(device, { fsType, signal });
    }
    await mountDevice(device, { directory, fsType, signal });
  }
  await growMounted(directory, { device, fsType, signal });
}

/** Unmounts a directory. Does nothing if nothing is mounted there. */
export async function unmountBlock(directory: string, signal: AbortSignal): Promise<void> {
  if (await findMount(directory) !== undefined) await unmountDirectory(directory, signal);
}

/** The number of a device, `major:minor`, as in the mount table. */
async function deviceNumber(device: string): Promise<string> {
  try {
    const { rdev } = await Deno.stat(device);
    if (rdev === null) throw new Error("no number");
    // The bits of both numbers are interleaved: makedev(3).
    const major = Math.floor(rdev / 2 ** 8) & 0xfff;
    const minor = (rdev & 0xff) | (Math.floor(rdev / 2 ** 12) & 0xfff00);
    return `${major}:${minor}`;
  } catch (error) {
    throw hostError(`look at ${device}`, error);
  }
}
