/** Hides what the stage still shows, and lets go of what is held, of volumes and instances that are gone: of a daemon that was killed, or of a failed call. @module */
import type { DirectoryHolds } from "../../drivers/directory_hold.ts";
import type { Stage } from "../../node/mounts/stage.ts";
import type { Reader } from "../../store/store.ts";

/**
 * One sweep. What is shown for a volume or an instance that exists is its controller's: an instance goes only after all its runs.
 *
 * @returns how many were cleared away.
 */
export async function sweepStage(
  { stage, holds, store }: { stage: Stage; holds: DirectoryHolds; store: Reader },
  signal: AbortSignal,
): Promise<number> {
  const [stageIds, heldUids] = [await stage.list(), await holds.list()];
  // Read after the list: what is made meanwhile was not in it.
  const storedUids = new Set([...store.list("volume"), ...store.list("instance")].map(({ uid }) => uid));
  const orphans = stageIds.filter((id) => !storedUids.has(id.split(".")[0]!));
  const orphanHolds = heldUids.filter((uid) => !storedUids.has(uid));
  await Promise.all(orphanHolds.map((uid) => holds.release(uid)));
  const ends = await Promise.allSettled(orphans.map((id) => stage.hide(id, signal)));
  return ends.filter((end) => end.status === "fulfilled").length + orphanHolds.length;
}
