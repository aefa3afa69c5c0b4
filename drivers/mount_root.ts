/**
 * Prepares a mounted volume for a workload: the ownership of its root, and the subdirectory to mount.
 * @module
 */
import type { FileHandle } from "node:fs/promises";
import { RuneError } from "../model/error.ts";
import { errnoOf, hostError } from "./host_error.ts";
import { descriptorPath, enterDirectory, NotADirectory, openBelow } from "./open_directory.ts";

/** The owner and the mode of a mount's root. Absent fields do not change. */
export interface Ownership {
  /** A numeric uid. */
  user?: number;
  /** A numeric gid. */
  group?: number;
  /** Octal digits: `"0775"`. */
  mode?: string;
}

/**
 * Sets the owner and the mode of an open directory, but not of its contents. Does nothing if they are right.
 *
 * @param path its path, for messages.
 * @throws {RuneError} `failed_precondition` if the daemon lacks the right; `unavailable` for a temporary
 * problem.
 */
export async function applyOwnership(
  directory: FileHandle,
  { path, ...wanted }: Ownership & { path: string },
): Promise<void> {
  try {
    const { uid, gid } = await directory.stat();
    const [user, group] = [wanted.user ?? uid, wanted.group ?? gid];
    if (user !== uid || group !== gid) await directory.chown(user, group);
    if (wanted.mode === undefined) return;
    // Read the mode after chown, which clears the setuid and setgid bits.
    const mode = parseInt(wanted.mode, 8);
    if (((await directory.stat()).mode & 0o7777) !== mode) await directory.chmod(mode);
  } catch (error) {
    const what = `change of owner and mode of ${path}`;
    if (errnoOf(error) === "EPERM") {
      const hint = "run the daemon as root, or leave out fsUser, fsGroup and fsMode";
      throw new RuneError("failed_precondition", `${what} failed: ${(error as Error).message}`, {
        hint,
        cause: error,
      });
    }
    throw hostError(what, error);
  }
}

/**
 * Opens the subdirectory of a volume that a mount shows. Missing directories are created with mode 0755 and
 * the owner of their parent. Symbolic links are never followed, not even one that appears during the call.
 *
 * @param root the open directory of the volume, which stays open.
 * @param subPath a relative path; empty for the root itself.
 * @param options.make whether to create missing directories. Default: true.
 * @throws {RuneError} `failed_precondition` if the path leaves the volume, or leads through something that is
 * no directory; `not_found` if it is missing and `make` is false.
 */
export async function openSubPath(
  root: FileHandle,
  subPath: string,
  { make = true } = {},
): Promise<FileHandle> {
  const parts = subPath.split("/").filter((part) => part !== "" && part !== ".");
  if (subPath.startsWith("/") || parts.includes("..") || subPath.includes("\0")) throw leavesVolume(subPath);
  try {
    return await openBelow(root, parts, make ? enterMade : enterDirectory);
  } catch (error) {
    if (error instanceof NotADirectory) throw leavesVolume(subPath, error);
    if (errnoOf(error) === "ENOENT" && !make) {
      throw new RuneError("not_found", `the volume has no directory ${subPath}`, { cause: error });
    }
    throw hostError(`subPath ${subPath}`, error);
  }
}

/**
 * Enters a directory, and creates it if it is missing. Uses the descriptor of the parent, so replacing the
 * parent has no effect.
 */
async function enterMade(parent: FileHandle, part: string): Promise<FileHandle> {
  try {
    await Deno.mkdir(`${descriptorPath(parent)}/${part}`);
  } catch (error) {
    if (errnoOf(error) === "EEXIST") return await enterDirectory(parent, part);
    throw error;
  }
  const made = await enterDirectory(parent, part);
  try {
    const { uid, gid } = await parent.stat();
    const own = await made.stat();
    if (uid !== own.uid || gid !== own.gid) await made.chown(uid, gid);
    await made.chmod(0o755);
    return made;
  } catch (error) {
    await made.close();
    throw error;
  }
}

function leavesVolume(subPath: string, cause?: unknown): RuneError {
  return new RuneError("failed_precondition", `the subPath "${subPath}" does not stay inside the volume`, {
    hint: "use a relative path of plain directories: no '..', no symbolic link, no file on the way",
    cause,
  });
}
