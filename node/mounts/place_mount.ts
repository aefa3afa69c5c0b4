/**
 * Prepares one mount of a run: sets its owner and mode, and shows its directory to the runner.
 * @module
 */
import type { FileHandle } from "node:fs/promises";
import { applyOwnership, openSubPath } from "../../drivers/mount_root.ts";
import { descriptorPath } from "../../drivers/open_directory.ts";
import { toRuneError } from "../../model/error.ts";
import type { PlaceAnswer, PlaceOrder } from "../volumes.ts";
import { openMounted } from "./mount_table.ts";
import type { VolumeParts } from "./volume_parts.ts";

/** Entries that mkfs creates in a new filesystem. */
const OF_THE_FILESYSTEM = ["lost+found"];

/** See `NodeVolumes.place`. */
export async function placeMount(
  order: PlaceOrder,
  { parts: { table, stage, host }, signal }: {
    parts: Pick<VolumeParts, "table" | "stage" | "host">;
    signal: AbortSignal;
  },
): Promise<PlaceAnswer> {
  const { volumeUid, instanceUid, index, subPath } = order;
  const mounted = table.get(volumeUid);
  if (!mounted) {
    const hint = "wait: Rune mounts it again";
    return { state: "replaced", message: "the volume is not mounted any more", hint };
  }
  let root: FileHandle;
  try {
    root = await openMounted(mounted, host);
  } catch (thrown) {
    const { message, hint = "" } = toRuneError(thrown);
    if (table.get(volumeUid) === mounted) table.delete(volumeUid);
    return { state: "replaced", message, hint };
  }
  await using directory = root;
  await applyOrder(directory, { order, path: mounted.where.path });
  // Look up the current place: the directory may have been renamed since the mount.
  if (subPath === "") {
    return { state: "placed", source: mounted.path, place: await placeOf(directory, host) };
  }
  await using below = await openSubPath(directory, subPath);
  const source = await stage.show(`${instanceUid}.${index}`, below, signal);
  return { state: "placed", source, place: await placeOf(below, host) };
}

async function placeOf(directory: FileHandle, host: VolumeParts["host"]) {
  const { filesystem, inFilesystem } = await host.whereIs(directory);
  return { filesystem, inFilesystem };
}

/** Sets the owner and mode of a volume's root as its mount asks. */
async function applyOrder(
  root: FileHandle,
  { order: { owner, mode, firstOwner }, path }: { order: PlaceOrder; path: string },
): Promise<void> {
  const fresh = firstOwner && await isFresh(root) ? firstOwner : {};
  const { user = fresh.user, group = fresh.group } = owner;
  if (user === undefined && group === undefined && mode === undefined) return;
  await applyOwnership(root, {
    path,
    ...(user !== undefined && { user }),
    ...(group !== undefined && { group }),
    ...(mode !== undefined && { mode }),
  });
}

/**
 * Whether a volume's root may get its first owner: it is empty and still belongs to the daemon's user.
 */
async function isFresh(root: FileHandle): Promise<boolean> {
  if ((await root.stat()).uid !== Deno.uid()) return false;
  for await (const { name } of Deno.readDir(`${descriptorPath(root)}/.`)) {
    if (!OF_THE_FILESYSTEM.includes(name)) return false;
  }
  return true;
}
