/** Detects that another filesystem took the place of a volume's own. @module */
import type { Nodes } from "../../node/node.ts";
import { findNode } from "../../node/placement.ts";
import { describeVolumeCall, findClass } from "../../node/volume_call.ts";
import { type Filesystem, isSameFilesystem } from "../../model/filesystem.ts";
import type { Volume } from "../../model/volume.ts";
import type { Store } from "../../store/store.ts";

/** How long the check of the filesystem may take. */
const LOOK_MS = 10_000;

/**
 * Returns the filesystem found in place of the volume's own; undefined if it is the volume's own or unknown.
 */
export async function otherFilesystem(
  volume: Volume,
  { nodes, store }: { nodes: Nodes; store: Pick<Store, "get"> },
): Promise<Filesystem | undefined> {
  const { filesystem: expected, driver } = volume.status;
  if (!expected) return undefined;
  const call = describeVolumeCall(findClass(volume, store), AbortSignal.timeout(LOOK_MS));
  const found = await findNode({ nodes }).drivers.get(driver ?? "")?.filesystem?.(call);
  return found && !isSameFilesystem(expected, found) ? found : undefined;
}
