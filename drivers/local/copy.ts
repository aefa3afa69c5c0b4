/**
 * How the local driver copies volumes and snapshots, and what it says when their data is not there.
 * @module
 */
import { RuneError } from "../../model/error.ts";
import type { SnapshotRef, VolumeContext } from "../driver.ts";
import { copyTree, syncFilesystem } from "../host.ts";

/** Copies a tree, and writes it to disk. @param options.copied called when the source is read no more. */
export async function copyDurably(
  source: string,
  options: { target: string; signal: AbortSignal; onCopied?: () => Promise<void> },
): Promise<void> {
  await copyTree(source, options);
  // Writers need not wait for the disk. Both have ended when this throws: nothing is left running behind the
  // caller's back.
  const ends = await Promise.allSettled([
    options.onCopied?.(),
    syncFilesystem(options.target, options.signal),
  ]);
  const failed = ends.find((end) => end.status === "rejected");
  if (failed) throw failed.reason;
}

/** Says that a snapshot's data is not there. */
export function snapshotGone({ namespace, name }: SnapshotRef, path: string): RuneError {
  return new RuneError("not_found", `the data of snapshot ${namespace}/${name} is gone`, {
    hint: `expected it at ${path}`,
    permanent: true,
  });
}

/** Says that a volume's directory is not there. */
export function goneDirectoryError({ volume }: VolumeContext, directory: string): RuneError {
  return new RuneError("unavailable", `the directory of volume ${volume.namespace}/${volume.name} is gone`, {
    hint:
      `expected it at ${directory}: mount its disk, or put it back; Rune does not start over with an empty one`,
  });
}
