/** Removes the files of runs that are no longer anybody's current one. @module */
import type { InstanceState } from "../../model/instance.ts";
import type { RunFiles } from "../../node/files.ts";
import type { Reader } from "../../store/store.ts";

/** States from which an instance starts only with files made anew. */
const ENDED: InstanceState[] = ["Completed", "Stopped", "Stalled"];

/** One sweep. @returns of how many runs it removed files. */
export async function sweepFiles(
  files: RunFiles,
  { store, signal }: { store: Reader; signal: AbortSignal },
): Promise<number> {
  const runs = await files.list(signal);
  // Read after the files were listed: an instance made meanwhile is recorded before its files exist.
  const current = new Map(store.list("instance").map(({ uid, status }) => [uid, status]));
  const unwanted = runs.filter(({ instanceUid, run }) => {
    const status = current.get(instanceUid);
    return !status || run < status.run || ENDED.includes(status.state);
  });
  await files.discard(unwanted, signal);
  return unwanted.length + await files.detachElsewhere(signal);
}
