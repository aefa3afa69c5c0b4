/** Removes the files of runs that are no longer current. @module */
import type { InstanceState } from "../../model/instance.ts";
import type { RunFiles } from "../../node/files.ts";
import type { Reader } from "../../store/store.ts";

/** States in which an instance does not need its files: a new start creates them again. */
const ENDED: InstanceState[] = ["Completed", "Stopped", "Stalled"];

/** Sweeps once. @returns the number of runs whose files were removed. */
export async function sweepFiles(
  files: RunFiles,
  { store, signal }: { store: Reader; signal: AbortSignal },
): Promise<number> {
  const runs = await files.list(signal);
  // Read the store after listing: a new instance is stored before its files exist.
  const current = new Map(store.list("instance").map(({ uid, status }) => [uid, status]));
  const unwanted = runs.filter(({ instanceUid, run }) => {
    const status = current.get(instanceUid);
    return !status || run < status.run || ENDED.includes(status.state);
  });
  await files.discard(unwanted, signal);
  return unwanted.length + await files.detachElsewhere(signal);
}
