/** Hides what the stage still shows of volumes and instances that are gone: of a daemon that was killed, or of a failed call. @module */
import type { Stage } from "../drivers/stage.ts";
import type { Reader } from "../store/store.ts";

/**
 * One sweep. What is shown for a volume or an instance that exists is its controller's: an instance goes only after all its runs.
 *
 * @returns how many were hidden.
 */
export async function sweepStage(
  { stage, store }: { stage: Stage; store: Reader },
  signal: AbortSignal,
): Promise<number> {
  const shown = await stage.list();
  // Read after the list: what is made meanwhile was not in it.
  const known = new Set([...store.list("volume"), ...store.list("instance")].map(({ uid }) => uid));
  const orphans = shown.filter((id) => !known.has(id.split(".")[0]!));
  const ends = await Promise.allSettled(orphans.map((id) => stage.hide(id, signal)));
  return ends.filter((end) => end.status === "fulfilled").length;
}
