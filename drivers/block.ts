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
import type { Growth } from "./driver.ts";
import { readEnds } from "./device_ends.ts";
import { findMount, listMounts, unmountDirectory } from "./host.ts";
import { hostError } from "./host_error.ts";

/** The label of a filesystem that is being made; at most 12 bytes, for xfs. */
const MAKING = "rune-making";

/** A volume on a block device of this machine. */
export interface BlockVolume {
  /** The path of the device, such as `/dev/sdb`. */
  device: string;
  fsType: FsType;
  /** The uuid of its filesystem: the uid of the volume, or the provider's id if that is a uuid. */
  uid: string;
  /** Whether it can have no data yet: it was created empty and never mounted. */
  blank: boolean;
  /** Remembers which devices this daemon began to format. */
  notes: FormatNotes;
}

/**
 * Which formattings were begun and have not ended. A killed `mkfs` leaves a device that is neither blank nor
 * a filesystem; a note proves that nothing else was ever on it.
 */
export interface FormatNotes {
  has(uid: string): Promise<boolean>;
  add(uid: string): Promise<void>;
  remove(uid: string): Promise<void>;
}

/** What is on a device. */
export interface Found {
  /** Absent if nothing was recognised. */
  content?: DeviceContent;
  /** Whether both ends have only zeros. */
  areEndsBlank: boolean;
  /** Whether this daemon began to format it. */
  begun: boolean;
}

/**
 * Decides whether to format a device: only if the volume is blank and so is the device, or if a formatting
 * for this volume was interrupted. Any filesystem of the right type is used unchanged.
 *
 * @throws {RuneError} `failed_precondition` (permanent) if it contains something else, or if it should hold a
 * filesystem and none is found.
 */
export function mustFormat(
  { content, areEndsBlank, begun }: Found,
  { device, fsType, uid, blank }: Omit<BlockVolume, "notes">,
): boolean {
  const wipe = `wipe it yourself if nobody needs its contents: wipefs --all ${device}`;
  if (content === undefined) {
    if (!blank) {
      throw new RuneError(
        "failed_precondition",
        `${device} holds no filesystem, expected ${fsType}: this volume has had data before`,
        {
          hint:
            "detach it and attach it again; if it is truly empty, delete the volume and create another one",
          permanent: false,
        },
      );
    }
    if (areEndsBlank || begun) return true;
    throw new RuneError(
      "failed_precondition",
      `${device} holds data that is no known filesystem, expected a blank device`,
      { hint: `if nobody needs its contents, overwrite it: blkdiscard --zeroout ${device}` },
    );
  }
  if (content.type !== fsType) {
    throw new RuneError(
      "failed_precondition",
      `${device} holds ${content.type}, expected ${fsType} or nothing`,
      { hint: `set fsType to the existing type, or ${wipe}` },
    );
  }
  if (content.label !== MAKING) return false;
  if (content.uuid === uid) return true;
  throw new RuneError(
    "failed_precondition",
    `${device} holds the remains of an interrupted formatting for another volume`,
    { hint: wipe },
  );
}

/** Makes a filesystem on a blank device. Does nothing if it has one of that type. */
export async function ensureFormatted(volume: BlockVolume, signal: AbortSignal): Promise<void> {
  const { device, fsType, uid: uuid, notes } = volume;
  // Reading both ends first shows that the device can be read. Nothing else tells "blank" from "unreadable".
  const { areBlank: areEndsBlank } = await readEnds(device);
  const content = await probeDevice(device, signal);
  const begun = await notes.has(uuid);
  if (mustFormat({ ...(content && { content }), areEndsBlank, begun }, volume)) {
    await notes.add(uuid);
    await formatDevice(device, { fsType, label: MAKING, uuid, signal });
    await clearLabel(device, { fsType, signal });
  }
  if (begun || volume.blank) await notes.remove(uuid);
}

/**
 * Formats, checks and mounts a device on an existing directory, and grows it to the size of the device. May
 * be repeated.
 *
 * @param options.directory Absolute, without symbolic links.
 * @param options.options Options of the mount, besides those that the filesystem needs.
 * @returns whether the mounted filesystem has the size of the device.
 * @throws {RuneError} `failed_precondition` if the device contains something else, or if something else is
 * mounted there.
 */
export async function mountBlock(
  volume: BlockVolume,
  { directory, options = [], signal }: { directory: string; options?: string[]; signal: AbortSignal },
): Promise<Growth> {
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
    await mountDevice(device, { directory, fsType, options, signal });
  }
  return await growMounted(directory, { device, fsType, signal });
}

/** Unmounts a directory. Does nothing if nothing is mounted there. */
export async function unmountBlock(directory: string, signal: AbortSignal): Promise<void> {
  if (await findMount(directory) !== undefined) await unmountDirectory(directory, signal);
}

/** The number of a device, `major:minor`, as in the mount table. */
export async function deviceNumber(device: string): Promise<string> {
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
