/** `runIf: {fileMissing: …}`: whether a path of the instance exists on the volume that it is mounted from. @module */
import { lstat, realpath } from "node:fs/promises";
import { dirname, join } from "node:path";
import { RuneError } from "../../spec/error.ts";
import { mountOf } from "../../spec/init_step.ts";
import type { MountView } from "./plan.ts";

/**
 * Looks at the host's side of a mounted volume. A symbolic link in the place of the file counts as there, wherever it leads.
 *
 * @param path as the instance sees it; below one of the mounts.
 * @throws {RuneError} `failed_precondition` when a link on the way leads out of the volume; `unavailable` when it cannot be read.
 */
export async function isFileMissing(path: string, mounts: MountView[]): Promise<boolean> {
  const found = mountOf(path, mounts.map(({ mount, path: root }) => ({ ...mount, root })));
  if (!found?.mount.root) return true;
  const top = join(found.mount.root, found.mount.subPath);
  try {
    const parent = await realpath(join(top, dirname(found.rest)));
    const root = await realpath(found.mount.root);
    if (!`${parent}/`.startsWith(`${root}/`)) {
      throw new RuneError("failed_precondition", `${path} leads out of its volume by a symbolic link`, {
        hint: "name a path without links in runIf.fileMissing",
      });
    }
    await lstat(join(parent, found.rest.slice(found.rest.lastIndexOf("/") + 1)));
    return false;
  } catch (error) {
    if (error instanceof RuneError) throw error;
    const { code, message } = error as Error & { code?: string };
    if (code === "ENOENT" || code === "ENOTDIR") return true;
    throw new RuneError("unavailable", `cannot see whether ${path} exists: ${message}`, { cause: error });
  }
}
