/**
 * Reads from the kernel what a live process has mounted. It follows no path inside the process's mount
 * namespace. See docs/decisions/0018.
 * @module
 */
import { join } from "node:path";
import { parseMountInfo } from "../../drivers/host.ts";
import { errnoOf, hostError } from "../../drivers/host_error.ts";
import type { FilesystemPlace, SeenProcess } from "../volumes.ts";

/** The place of a directory inside another one. @param subPath relative; empty for the directory itself. */
export function placeBelow({ filesystem, inFilesystem }: FilesystemPlace, subPath: string): FilesystemPlace {
  return { filesystem, inFilesystem: join(inFilesystem, subPath).replace(/(.)\/+$/, "$1") };
}

/**
 * Whether a process has every one of these directories mounted.
 *
 * @returns `unknown` if another process has this pid here, or this user may not inspect it. A process in the
 * daemon's own mount namespace has no mounts of its own, so it counts as having them.
 */
export async function hasMounted(
  { pid, container }: SeenProcess,
  directories: FilesystemPlace[],
): Promise<boolean | "unknown"> {
  try {
    if (container !== undefined && !(await Deno.readTextFile(`/proc/${pid}/cgroup`)).includes(container)) {
      return "unknown";
    }
    const [own, theirs] = await Promise.all(["self", pid].map((at) => Deno.readLink(`/proc/${at}/ns/mnt`)));
    if (own === theirs) return container === undefined || "unknown";
    const mounts = parseMountInfo(await Deno.readTextFile(`/proc/${pid}/mountinfo`));
    return directories.every(({ filesystem, inFilesystem }) =>
      mounts.some((mount) => mount.device === filesystem && mount.root === inFilesystem)
    );
  } catch (error) {
    if (["ENOENT", "ESRCH", "EACCES", "EPERM", "EINVAL"].includes(errnoOf(error) ?? "")) return "unknown";
    throw hostError(`look at the mounts of process ${pid}`, error);
  }
}
