/** Copies volumes and snapshots of the local driver, and creates the errors for missing data. @module */
import { RuneError } from "../../model/error.ts";
import type { SnapshotRef, VolumeContext } from "../driver.ts";
import { copyTree, syncFilesystem } from "../host.ts";

/** Copies a tree, and writes it to disk. @param options.copied called when the source is no longer read. */
export async function copyDurably(
  source: string,
  options: { target: string; signal: AbortSignal; onCopied?: () => Promise<void> },
): Promise<void> {
  await copyTree(source, options);
  // Writers need not wait for the sync. When this throws, both have ended, so nothing keeps running
  // unnoticed.
  const ends = await Promise.allSettled([
    options.onCopied?.(),
    syncFilesystem(options.target, options.signal),
  ]);
  const failed = ends.find((end) => end.status === "rejected");
  if (failed) throw failed.reason;
}

/** Creates the error for a snapshot whose data is missing. */
export function snapshotGone({ namespace, name }: SnapshotRef, path: string): RuneError {
  return new RuneError("not_found", `the data of snapshot ${namespace}/${name} is gone`, {
    hint: `expected it at ${path}`,
    permanent: true,
  });
}

/** Creates the error for a volume whose directory is missing. */
export function goneDirectoryError({ volume }: VolumeContext, directory: string): RuneError {
  return new RuneError("unavailable", `the directory of volume ${volume.namespace}/${volume.name} is gone`, {
    hint:
      `expected it at ${directory}: mount its disk, or put it back; Rune does not start over with an empty one`,
  });
}

/** The name of the lock on a snapshot. */
export const snapshotKey = ({ uid }: SnapshotRef): string => `snapshot ${uid}`;
