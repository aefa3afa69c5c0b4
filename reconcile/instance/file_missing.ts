/**
 * `runIf: {fileMissing: …}`: whether a path of the instance exists on the volume that it is mounted from.
 * @module
 */
import { join } from "node:path";
import { mountOf } from "../../model/init_step.ts";
import type { Node } from "../../node/node.ts";
import type { MountView } from "./view.ts";

/**
 * Asks the node of a mounted volume. A link in the place of the file counts as there, wherever it leads.
 *
 * @param path as the instance sees it; below one of the mounts.
 * @throws {RuneError} `failed_precondition` when a link is on the way; `unavailable` when it cannot be read.
 */
export async function isFileMissing(
  path: string,
  { mounts, node, signal }: { mounts: MountView[]; node: Pick<Node, "volumes">; signal: AbortSignal },
): Promise<boolean> {
  const found = mountOf(path, mounts.map((view) => ({ ...view.mount, view })));
  const { volume, mounted } = found?.mount.view ?? {};
  if (!found || !volume || !mounted) return true;
  const inside = join(found.mount.subPath, found.rest);
  return await node.volumes.isMissing({ volumeUid: volume.uid, path: inside, shownAs: path }, signal);
}
