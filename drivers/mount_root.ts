/**
 * What is done to a mounted volume before a workload sees it: ownership of its root, and the sub-directory to
 * mount.
 * @module
 */
import type { FileHandle } from "node:fs/promises";
import { RuneError } from "../model/error.ts";
import { errnoOf, hostError } from "./host_error.ts";
import { descriptorPath, enterDirectory, NotADirectory, openBelow } from "./open_directory.ts";

/** Owner and mode of a mount's root; what is absent stays as it is. */
export interface Ownership {
  /** Numeric uid. */
  user?: number;
  /** Numeric gid. */
  group?: number;
  /** Octal digits: `"0775"`. */
  mode?: string;
}

/**
 * Gives an open directory, and nothing inside it, this owner and mode, only where they differ.
 *
 * @param path for messages.
 * @throws {RuneError} `failed_precondition` when the daemon may not; `unavailable` when it cannot now.
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
    // Read after chown, which clears the setuid and setgid bits.
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
 * Opens the directory inside a volume that a mount shows, made when missing: with mode 0755, owned by whoever
 * owns the directory that it is made in. No symbolic link is followed, also none that appears meanwhile.
 *
 * @param root The volume's directory, open; it stays open.
 * @param subPath Relative; empty for the root itself.
 * @param options.make Whether what is missing is made. Default: true.
 * @throws {RuneError} `failed_precondition` when it would leave the volume, or something on the way is no
 * directory; `not_found` when it is missing and is not to be made.
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
 * Enters a directory, made when missing. Through the descriptor: a parent that is replaced by a link changes
 * nothing.
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
