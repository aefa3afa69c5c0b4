/** Checks on the host whether a path of a mounted volume exists. @module */
import { basename, dirname, join, normalize } from "node:path";
import { descriptorPath, NotADirectory, openBelow } from "../../drivers/open_directory.ts";
import { RuneError } from "../../model/error.ts";
import type { HostView } from "./host_view.ts";
import { type MountedVolume, openMounted } from "./mount_table.ts";

/**
 * See `NodeVolumes.isMissing`. It follows no symbolic link, since a program that writes the volume could use
 * one to probe other files of the host.
 */
export async function isMissing(
  { path, shownAs }: { path: string; shownAs: string },
  { mounted, host }: { mounted: MountedVolume; host: HostView },
): Promise<boolean> {
  const inside = normalize(join("/", path));
  try {
    await using root = await openMounted(mounted, host);
    const parts = dirname(inside).split("/").filter((part) => part !== "");
    await using parent = await openBelow(root, parts);
    await Deno.lstat(`${descriptorPath(parent)}/${basename(inside)}`);
    return false;
  } catch (error) {
    if (error instanceof RuneError) throw error;
    if (error instanceof NotADirectory) {
      if (error.leadsTo === undefined) return true;
      throw new RuneError("failed_precondition", `${shownAs} goes through a symbolic link`, {
        hint: "name a path without links in runIf.fileMissing",
        cause: error,
      });
    }
    const { code, message } = error as Error & { code?: string };
    if (code === "ENOENT" || code === "ENOTDIR") return true;
    throw new RuneError("unavailable", `cannot see whether ${shownAs} exists: ${message}`, { cause: error });
  }
}
