/**
 * The block path of a driver: device → format once → check → mount → grow. A driver brings the device; all
 * else is done here, so that a daemon, or a machine, that dies at any point finds its way from what the
 * device holds.
 *
 * A formatting that was interrupted is told from a filesystem of somebody's by its label: `rune-making`,
 * which goes only after the whole filesystem is on disk, and before the first mount. See docs/decisions/0053.
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

/** Label of a filesystem while it is made; at most 12 bytes, for xfs. */
const MAKING = "rune-making";

/** A volume on a block device of this machine. */
export interface BlockVolume {
  /** Path of the device, such as `/dev/sdb`. */
  device: string;
  fsType: FsType;
  /** The volume's uid, which its filesystem gets. */
  uid: string;
}

/**
 * Decides by what a device holds whether it is formatted: only where it holds nothing, or what an interrupted
 * formatting for this very volume left. A filesystem of the right type is used as it is, whoever made it.
 *
 * @throws {RuneError} `failed_precondition` (permanent) when it holds something else.
 */
export function mustFormat(found: DeviceContent | undefined, { device, fsType, uid }: BlockVolume): boolean {
  if (found === undefined) return true;
  const hint = `wipe it yourself, if nobody needs what it holds: wipefs --all ${device}`;
  if (found.type !== fsType) {
    throw new RuneError(
      "failed_precondition",
      `${device} holds ${found.type}, expected ${fsType} or nothing`,
      { hint: `set fsType to what is there, or ${hint}` },
    );
  }
  if (found.label !== MAKING) return false;
  if (found.uuid === uid) return true;
  throw new RuneError(
    "failed_precondition",
    `${device} holds what an interrupted formatting for another volume left`,
    { hint },
  );
}

/** Makes a filesystem on a device that holds nothing. Done when it has one of that type. */
export async function ensureFormatted(volume: BlockVolume, signal: AbortSignal): Promise<void> {
  const { device, fsType, uid: uuid } = volume;
  if (!mustFormat(await probeDevice(device, signal), volume)) return;
  await formatDevice(device, { fsType, label: MAKING, uuid, signal });
  await clearLabel(device, { fsType, signal });
}

/**
 * Mounts a device on an existing directory, formatted, checked, and grown to the device's size. May be
 * repeated.
 *
 * @param options.directory Absolute, without symbolic links.
 * @throws {RuneError} `failed_precondition` when the device holds something else, or something else is
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
    // Somebody may have it mounted elsewhere still, as a container that outlived the daemon: then it is a
    // filesystem, and in use.
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

/** Unmounts a directory. Done when nothing is mounted there. */
export async function unmountBlock(directory: string, signal: AbortSignal): Promise<void> {
  if (await findMount(directory) !== undefined) await unmountDirectory(directory, signal);
}

/** `major:minor` of a device, as the mount table writes it. */
async function deviceNumber(device: string): Promise<string> {
  try {
    const { rdev } = await Deno.stat(device);
    if (rdev === null) throw new Error("no number");
    // makedev(3): the bits are interleaved.
    const major = Math.floor(rdev / 2 ** 8) & 0xfff;
    const minor = (rdev & 0xff) | (Math.floor(rdev / 2 ** 12) & 0xfff00);
    return `${major}:${minor}`;
  } catch (error) {
    throw hostError(`look at ${device}`, error);
  }
}
