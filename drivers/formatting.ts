/**
 * Formats the device of a volume: once, and only if it is certain that nothing else was ever on it. After a
 * crash of the daemon or the machine at any point, the contents of the device and a note of the daemon show
 * how to continue.
 *
 * The label `rune-making` distinguishes an interrupted formatting from another filesystem. It is removed
 * after the whole filesystem is on disk and before the first mount. See docs/decisions/0053 and 0069.
 * @module
 */
import type { BegunNotes } from "./begun_notes.ts";
import { RuneError } from "../model/error.ts";
import { clearLabel, type DeviceContent, formatDevice, type FsType, probeDevice } from "./devices.ts";
import { readEnds } from "./device_ends.ts";

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
  notes: BegunNotes;
  /** What to do about a program that uses the device too. Default: a way to find it. */
  busyHint?: string;
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
 * Decides whether to format a device: only if the volume is blank, and so is the device or a formatting for
 * this volume was interrupted. A blank volume has no filesystem but the one that was made for it. Any other
 * volume has one of the right type, which is used unchanged.
 *
 * @throws {RuneError} `failed_precondition` (permanent) if it contains something else, or if it should hold a
 * filesystem and none is found.
 */
export function mustFormat(
  { content, areEndsBlank, begun }: Found,
  { device, fsType, uid, blank }: Pick<BlockVolume, "device" | "fsType" | "uid" | "blank">,
): boolean {
  const wipe = `wipe it yourself if nobody needs its contents: wipefs --all ${device}`;
  if (content === undefined) {
    if (!blank) {
      throw noFilesystem(`${device} holds no filesystem, expected ${fsType}`, `mkfs.${fsType} ${device}`);
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
  const isOwn = content.uuid === uid;
  if (content.label !== MAKING) {
    if (isOwn || !blank) return false;
    throw new RuneError(
      "failed_precondition",
      `${device} holds an ${fsType} that was not made for this volume, expected a blank device`,
      { hint: `find out whose it is: blkid ${device}; ${wipe}` },
    );
  }
  if (!isOwn) {
    throw new RuneError(
      "failed_precondition",
      `${device} holds the remains of an interrupted formatting for another volume`,
      { hint: wipe },
    );
  }
  if (!blank) {
    const force = fsType === "ext4" ? "-F" : "-f";
    const message = `${device} holds the remains of an interrupted formatting`;
    throw noFilesystem(message, `mkfs.${fsType} ${force} ${device}`);
  }
  return true;
}

function noFilesystem(message: string, formatting: string): RuneError {
  return new RuneError("failed_precondition", `${message}: this volume has had data before`, {
    hint: `detach it and attach it again; if it is truly empty, make a filesystem: ${formatting}; ` +
      "Rune goes on by itself",
    permanent: false,
  });
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
