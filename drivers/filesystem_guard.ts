/**
 * Keeps calls from a volume while another filesystem is where its own was: they would write below the mount
 * point of a disk that is away, or take what is not there for gone. The node asks before each call that
 * reaches data. See docs/decisions/0046.
 * @module
 */
import { type Filesystem, FilesystemAway, isSameFilesystem } from "../model/filesystem.ts";
import { describeKey } from "../model/kinds.ts";
import type { Driver, VolumeContext } from "./driver.ts";
import { describeDifference } from "./filesystem.ts";

/**
 * Makes sure that a volume is on the filesystem that it was made on, where that is known.
 *
 * @throws {FilesystemAway} when another one is in its place.
 */
export async function assertItsFilesystem(driver: Driver, ctx: VolumeContext): Promise<void> {
  if (!ctx.filesystem || ctx.acceptFilesystem) return;
  const found = await driver.filesystem?.(ctx);
  if (found) assertSameFilesystem(found, ctx);
}

/** @throws {FilesystemAway} when `found` is not what the volume was made on. */
export function assertSameFilesystem(
  found: Filesystem,
  { volume, handle, filesystem: expected, acceptFilesystem }: Omit<
    VolumeContext,
    "parameters" | "node"
  >,
): void {
  if (!expected || acceptFilesystem || isSameFilesystem(expected, found)) return;
  throw new FilesystemAway(
    `${handle ?? "it"} is not on the filesystem that volume ${describeKey(volume)} was made on: ` +
      `${describeDifference(expected, found)}; nothing is written there`,
    "mount its disk, and Rune goes on by itself; to use what is there now instead: " +
      `rune volume retry-provision ${volume.name} -n ${volume.namespace}`,
  );
}
