/**
 * Refuses calls on a volume while another filesystem is in place of its own. They would write below the mount
 * point of a missing disk, or conclude that missing data was deleted. The node checks this before each call
 * that reaches data. See docs/decisions/0046.
 * @module
 */
import { type Filesystem, FilesystemAway, isSameFilesystem } from "../model/filesystem.ts";
import { describeKey } from "../model/kinds.ts";
import type { Driver, VolumeContext } from "./driver.ts";
import { describeDifference } from "./filesystem.ts";

/**
 * Asserts that a volume is on the filesystem on which it was created, if that is known.
 *
 * @throws {FilesystemAway} if another one is in its place.
 */
export async function assertItsFilesystem(driver: Driver, ctx: VolumeContext): Promise<void> {
  if (!ctx.filesystem || ctx.acceptFilesystem) return;
  const found = await driver.filesystem?.(ctx);
  if (found) assertSameFilesystem(found, ctx);
}

/**
 * Asserts that a filesystem is the one on which a volume was created.
 * @throws {FilesystemAway} if it is not.
 */
export function assertSameFilesystem(
  found: Filesystem,
  { volume, handle, filesystem: expected, acceptFilesystem }: Omit<
    VolumeContext,
    "parameters" | "node" | "installation"
  >,
): void {
  if (!expected || acceptFilesystem || isSameFilesystem(expected, found)) return;
  throw new FilesystemAway(
    `${handle ?? "it"} is not on the filesystem that volume ${describeKey(volume)} was made on: ` +
      `${describeDifference(expected, found)}; nothing is written there`,
    "mount its disk, and Rune continues by itself; to use the current filesystem instead: " +
      `rune volume retry-provision ${volume.name} -n ${volume.namespace}`,
  );
}
