/**
 * Checks `runIf: {fileMissing: …}`: whether a path of the instance exists on the volume mounted there.
 * @module
 */
import { join } from "node:path";
import { mountOf } from "../../model/init_step.ts";
import type { Node } from "../../node/node.ts";
import type { MountView } from "./view.ts";

/**
 * Asks the volume's node. A link in place of the file counts as existing, wherever it leads.
 *
 * @param path the path inside the instance, below one of its mounts.
 * @throws {RuneError} `failed_precondition` if the path goes through a link; `unavailable` if it cannot be
 * read.
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
