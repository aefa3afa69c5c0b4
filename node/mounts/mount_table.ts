/**
 * The volumes that this node has mounted or confirmed since it was opened. A path in a volume's status may be
 * older than the last reboot; a path in this table is not. A mount adds a volume. Before an unmount, the
 * volume is removed.
 * @module
 */
import type { FileHandle } from "node:fs/promises";
import { relate, type Whereabouts } from "../../drivers/open_directory.ts";
import { RuneError } from "../../model/error.ts";
import { type HostView, THIS_HOST } from "./host_view.ts";

/** A mounted volume. */
export interface MountedVolume {
  /** The path of its root in the stage, as passed to runners. */
  path: string;
  /** The location of its root in the driver. */
  where: Whereabouts;
}

/** See the module comment. Keys are volume uids. */
export interface MountTable {
  get(volumeUid: string): MountedVolume | undefined;
  /**
   * Reserves a directory for a volume that is being mounted, until the reservation is disposed. No other
   * volume gets the directory meanwhile.
   *
   * @returns the reservation, or the uid of another volume that has or is about to get this directory, or one
   * inside or around it.
   */
  reserve(volumeUid: string, where: Whereabouts): Disposable | { overlaps: string };
  set(volumeUid: string, mounted: MountedVolume): void;
  delete(volumeUid: string): void;
}

/** Creates an empty table. */
export function createMountTable(): MountTable {
  const table = new Map<string, MountedVolume>();
  const reserved = new Set<{ volumeUid: string; where: Whereabouts }>();

  function findOverlapping(volumeUid: string, where: Whereabouts): string | undefined {
    const mounted = [...table].map(([uid, { where }]) => ({ volumeUid: uid, where }));
    return [...mounted, ...reserved].find((other) =>
      other.volumeUid !== volumeUid && relate(where, other.where) !== undefined
    )?.volumeUid;
  }

  return {
    get: (uid) => table.get(uid),
    reserve(volumeUid, where) {
      const overlaps = findOverlapping(volumeUid, where);
      if (overlaps !== undefined) return { overlaps };
      const reservation = { volumeUid, where };
      reserved.add(reservation);
      return { [Symbol.dispose]: () => void reserved.delete(reservation) };
    },
    set: (uid, mounted) => void table.set(uid, mounted),
    delete: (uid) => void table.delete(uid),
  };
}

/**
 * Opens the root of a mounted volume, and checks that it is the directory that was mounted.
 *
 * @throws {RuneError} `unavailable` if another directory, a link or nothing is in its place.
 */
export async function openMounted(
  { path, where }: MountedVolume,
  host: HostView = THIS_HOST,
): Promise<FileHandle> {
  try {
    const directory = await host.open(path);
    if (await host.identityOf(directory) === where.chain[0]) return directory;
    await directory.close();
  } catch (cause) {
    throw replacedPathError(where.path, cause);
  }
  throw replacedPathError(where.path);
}

function replacedPathError(path: string, cause?: unknown): RuneError {
  return new RuneError("unavailable", `${path} is no longer the directory that was mounted`, {
    hint: "see what became of it; Rune looks at it anew and mounts what is there",
    cause,
  });
}
