/**
 * A driver whose calls do nothing with a volume while another filesystem is where its own was: neither write below the mount point
 * of a disk that is away, nor take what is not there for gone. See docs/decisions/0046.
 * @module
 */
import type { Filesystem } from "../model/filesystem.ts";
import { describeKey } from "../model/kinds.ts";
import type { Driver, VolumeContext } from "./driver.ts";
import { describeDifference, FilesystemAway, isSameFilesystem } from "./filesystem.ts";

/** Calls that reach no data, which must work while the disk is away; and `open`, of which the caller judges what was opened. */
const UNGUARDED: readonly PropertyKey[] = [
  "validate",
  "directory",
  "filesystem",
  "attach",
  "detach",
  "open",
  "unmount",
];

function isContext(value: unknown): value is VolumeContext {
  return typeof value === "object" && value !== null && "parameters" in value && "volume" in value;
}

/** The same driver; its calls with a context that names a filesystem reject with {@linkcode FilesystemAway} on another one. */
export function guardedDriver<T extends Driver>(driver: T): T {
  return new Proxy(driver, {
    get(target, property) {
      const member: unknown = Reflect.get(target, property, target);
      if (typeof member !== "function") return member;
      if (UNGUARDED.includes(property)) return member.bind(target);
      return async (first: unknown, ...rest: unknown[]) => {
        if (isContext(first)) await assertItsFilesystem(target, first);
        return await member.call(target, first, ...rest);
      };
    },
  });
}

async function assertItsFilesystem(driver: Driver, ctx: VolumeContext): Promise<void> {
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
