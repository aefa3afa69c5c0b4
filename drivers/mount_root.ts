/** What is done to a mounted volume before a workload sees it: ownership of its root, and the sub-directory to mount. @module */
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { RuneError } from "../spec/error.ts";
import { errnoOf, hostError } from "./host_error.ts";

const DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

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
 * Gives a directory, and nothing inside it, this owner and mode, only where they differ.
 *
 * @throws {RuneError} `failed_precondition` when the daemon may not, or it is no directory; `unavailable` when it cannot now.
 */
export async function applyOwnership(path: string, wanted: Ownership): Promise<void> {
  try {
    const directory = await open(path, DIRECTORY);
    try {
      const { uid, gid } = await directory.stat();
      const [user, group] = [wanted.user ?? uid, wanted.group ?? gid];
      if (user !== uid || group !== gid) await directory.chown(user, group);
      if (wanted.mode === undefined) return;
      // Read after chown, which clears the setuid and setgid bits.
      const mode = parseInt(wanted.mode, 8);
      if (((await directory.stat()).mode & 0o7777) !== mode) await directory.chmod(mode);
    } finally {
      await directory.close();
    }
  } catch (error) {
    const what = `change of owner and mode of ${path}`;
    if (errnoOf(error) === "ENOTDIR" || errnoOf(error) === "EPERM") {
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
 * The directory inside a volume that a mount shows, made when missing: with mode 0755, owned by whoever owns the directory
 * that it is made in. No symbolic link is followed below `root`, also none that appears meanwhile.
 *
 * @param root The volume's directory.
 * @param subPath Relative; empty for the root itself.
 * @returns its absolute path.
 * @throws {RuneError} `failed_precondition` when it would leave the volume, or something on the way is no directory.
 */
export async function resolveSubPath(root: string, subPath: string): Promise<string> {
  const parts = subPath.split("/").filter((part) => part !== "" && part !== ".");
  if (subPath.startsWith("/") || parts.includes("..") || subPath.includes("\0")) throw leavesVolume(subPath);
  if (parts.length === 0) return root;
  try {
    let directory = await open(root, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      for (const part of parts) {
        const next = await enter(directory, part);
        await directory.close();
        directory = next;
      }
    } finally {
      await directory.close();
    }
  } catch (error) {
    if (errnoOf(error) === "ENOTDIR" || errnoOf(error) === "ELOOP") throw leavesVolume(subPath, error);
    throw hostError(`subPath ${subPath} of ${root}`, error);
  }
  return join(root, ...parts);
}

async function enter(parent: FileHandle, part: string): Promise<FileHandle> {
  // Through the descriptor: a parent that is replaced by a link meanwhile changes nothing.
  const path = `/proc/self/fd/${parent.fd}/${part}`;
  try {
    await Deno.mkdir(path);
  } catch (error) {
    if (errnoOf(error) === "EEXIST") return await open(path, DIRECTORY);
    throw error;
  }
  const made = await open(path, DIRECTORY);
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
