/** `runIf: {fileMissing: …}`: whether a path of the instance exists on the volume that it is mounted from. @module */
import { basename, dirname, join, normalize } from "node:path";
import { descriptorPath, NotADirectory, openBelow } from "../../drivers/open_directory.ts";
import { RuneError } from "../../model/error.ts";
import { mountOf } from "../../model/init_step.ts";
import { openMounted } from "../../node/mount_table.ts";
import type { MountView } from "./view.ts";

/**
 * Looks at the host's side of a mounted volume, without following a symbolic link: whoever writes the volume could make one to
 * ask what the host has elsewhere. A link in the place of the file counts as there, wherever it leads.
 *
 * @param path as the instance sees it; below one of the mounts.
 * @throws {RuneError} `failed_precondition` when a link is on the way; `unavailable` when it cannot be read.
 */
export async function isFileMissing(path: string, mounts: MountView[]): Promise<boolean> {
  const found = mountOf(path, mounts.map(({ mount, mounted }) => ({ ...mount, mounted })));
  if (!found?.mount.mounted) return true;
  const inside = normalize(join("/", found.mount.subPath, found.rest));
  try {
    await using root = await openMounted(found.mount.mounted);
    const parts = dirname(inside).split("/").filter((part) => part !== "");
    await using parent = await openBelow(root, parts);
    await Deno.lstat(`${descriptorPath(parent)}/${basename(inside)}`);
    return false;
  } catch (error) {
    if (error instanceof RuneError) throw error;
    if (error instanceof NotADirectory) {
      if (error.leadsTo === undefined) return true;
      throw new RuneError("failed_precondition", `${path} goes through a symbolic link`, {
        hint: "name a path without links in runIf.fileMissing",
        cause: error,
      });
    }
    const { code, message } = error as Error & { code?: string };
    if (code === "ENOENT" || code === "ENOTDIR") return true;
    throw new RuneError("unavailable", `cannot see whether ${path} exists: ${message}`, { cause: error });
  }
}
