/**
 * What a living process has mounted, as the kernel tells: no path of the process's own view is followed. See
 * docs/decisions/0018.
 * @module
 */
import { join } from "node:path";
import { parseMountInfo } from "../../drivers/host.ts";
import { errnoOf, hostError } from "../../drivers/host_error.ts";
import type { FilesystemPlace, SeenProcess } from "../volumes.ts";

/** The place of a directory inside another one. @param subPath relative; empty for that one itself. */
export function placeBelow({ filesystem, inFilesystem }: FilesystemPlace, subPath: string): FilesystemPlace {
  return { filesystem, inFilesystem: join(inFilesystem, subPath).replace(/(.)\/+$/, "$1") };
}

/**
 * Whether a process has every one of these directories mounted.
 *
 * @returns `unknown` when it cannot be told: another process has this pid here, or this user may not look. A
 * process that shares the daemon's own view of mounts has none of its own, and is taken at its word.
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
