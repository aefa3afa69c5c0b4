/**
 * Removes mounts that a node still has for removed volumes and instances, after a killed daemon or a failed
 * call.
 * @module
 */
import type { NodeVolumes } from "../../node/volumes.ts";
import type { Reader } from "../../store/store.ts";

/**
 * Sweeps once. Mounts of existing volumes and instances belong to their controllers. An instance is only
 * removed after all its runs, so no run uses what is released here.
 *
 * @returns the number of owners whose mounts were released.
 */
export async function sweepShown(
  volumes: Pick<NodeVolumes, "listOwners" | "release">,
  { store, signal }: { store: Reader; signal: AbortSignal },
): Promise<number> {
  const owners = await volumes.listOwners(signal);
  // Read the store after listing, so that everything listed is already stored.
  const stored = new Set([...store.list("volume"), ...store.list("instance")].map(({ uid }) => uid));
  const gone = owners.filter((uid) => !stored.has(uid));
  const ends = await Promise.allSettled(gone.map((uid) => volumes.release(uid, signal)));
  return ends.filter((end) => end.status === "fulfilled").length;
}
