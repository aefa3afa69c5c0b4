/**
 * Clears away what a node still shows or holds of volumes and instances that are gone: of a daemon that was
 * killed, or of a failed call.
 * @module
 */
import type { NodeVolumes } from "../../node/volumes.ts";
import type { Reader } from "../../store/store.ts";

/**
 * One sweep. What is shown for a volume or an instance that exists is its controller's: an instance goes only
 * after all its runs.
 *
 * @returns of how many it cleared something away.
 */
export async function sweepShown(
  volumes: Pick<NodeVolumes, "listOwners" | "release">,
  { store, signal }: { store: Reader; signal: AbortSignal },
): Promise<number> {
  const owners = await volumes.listOwners(signal);
  // Read after the list: what is made meanwhile was not in it.
  const stored = new Set([...store.list("volume"), ...store.list("instance")].map(({ uid }) => uid));
  const gone = owners.filter((uid) => !stored.has(uid));
  const ends = await Promise.allSettled(gone.map((uid) => volumes.release(uid, signal)));
  return ends.filter((end) => end.status === "fulfilled").length;
}
