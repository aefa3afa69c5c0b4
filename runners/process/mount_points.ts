/**
 * Creates the mount points of a run. This happens as root on paths that others may control, so each component
 * is entered separately, symbolic links are not followed, and only directories are created.
 * @module
 */
import { constants, lstatSync, statSync } from "node:fs";
import { type FileHandle, open, readdir } from "node:fs/promises";
import { occupancyOf } from "../../base/occupied.ts";
import { RuneError } from "../../model/error.ts";
import { ALLOWED_MOUNT_POINTS, judgeMountPoint, mayMakeMountPoint } from "../../model/mount_points.ts";
import type { RunMount } from "../runner.ts";

const DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
/**
 * Refuses mounts at forbidden places, and creates the mount points of the others. The mount point of a nested
 * mount is created in the source of the outer mount.
 *
 * @param closed the daemon's own directories.
 * @returns the mounts in the order in which they must be made.
 * @throws {RuneError} `failed_precondition` for a forbidden place, or one with a component that is not a
 * plain directory.
 */
export async function prepareMountPoints(mounts: RunMount[], closed: readonly string[]): Promise<RunMount[]> {
  const depth = ({ target }: RunMount) => target.split("/").length;
  const ordered = mounts.toSorted((a, b) => depth(a) - depth(b));
  for (const mount of ordered) {
    const reason = judgeMountPoint(mount.target, { closed, occupancyOf, inPlace: isInPlace(mount) });
    if (reason !== undefined) throw notThere(reason, `mount it ${ALLOWED_MOUNT_POINTS}`);
  }
  for (const mount of ordered) {
    const outer = ordered.findLast((m) => mount.target.startsWith(`${m.target}/`));
    const inside = mount.target.slice(outer?.target.length ?? 0).split("/").filter((part) => part !== "");
    await makeDirectories(outer?.source ?? "/", {
      parts: inside,
      make: outer === undefined ? mayMakeMountPoint(mount.target, { occupancyOf }) : !outer.readOnly,
      shown: mount.target,
    });
  }
  return ordered;
}

/** Whether the source of the mount is already the directory at its target. */
function isInPlace({ source, target }: RunMount): boolean {
  try {
    const [a, b] = [statSync(source), lstatSync(target)];
    return a.dev === b.dev && a.ino === b.ino;
  } catch {
    return false;
  }
}

async function makeDirectories(
  root: string,
  { parts, make, shown }: { parts: string[]; make: boolean; shown: string },
): Promise<void> {
  let directory = await open(root, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    for (const part of parts) {
      const next = await enter(directory, { part, make });
      await directory.close();
      directory = next;
    }
  } catch (error) {
    if (error instanceof Missing) {
      throw root === "/"
        ? notThere(
          `${shown} is no directory of this host, and is not made there`,
          `make it: mkdir -p ${shown}; or mount it below /srv, where Rune makes it`,
          error,
        )
        : notThere(
          `${shown} is no directory of the mount that it lies in, which is read-only`,
          "make it in that volume, or mount this one elsewhere",
          error,
        );
    }
    const reason = error instanceof Error ? error.message : String(error);
    throw notThere(
      `${shown} is no place for a mount: ${reason}`,
      "use a path of plain directories, with no symbolic link and no file on the way",
      error,
    );
  } finally {
    await directory.close();
  }
}

/** A directory is missing and may not be created. */
class Missing extends Error {}

async function enter(
  parent: FileHandle,
  { part, make }: { part: string; make: boolean },
): Promise<FileHandle> {
  // Through the descriptor, so that replacing a parent by a link changes nothing.
  const path = `/proc/self/fd/${parent.fd}/${part}`;
  const there = await open(path, DIRECTORY).catch((error) => {
    if (error.code === "ENOENT") {
      if (make) return undefined;
      throw new Missing(`${part}: ENOENT`);
    }
    throw new Error(`${part}: ${error.code}`, { cause: error });
  });
  if (there) return there;
  await Deno.mkdir(path).catch((error) => {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  });
  const made = await open(path, DIRECTORY);
  // Independent of the umask, because the user of the mount must get there. A directory that is foreign or
  // not empty appeared in the meantime, and stays as it is.
  const isOurs = (await made.stat()).uid === Deno.uid() &&
    (await readdir(`/proc/self/fd/${made.fd}`)).length === 0;
  if (isOurs) await made.chmod(0o755);
  return made;
}

function notThere(message: string, hint: string, cause?: unknown): RuneError {
  return new RuneError("failed_precondition", message, { hint, cause, permanent: true });
}
