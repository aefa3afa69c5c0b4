/**
 * Mounts one volume on this node and shows it, or unmounts it. Once its root is open, every check, hold and
 * mount uses the open handle, so a later rename has no effect. See docs/decisions/0017 and 0018.
 * @module
 */
import type { FileHandle } from "node:fs/promises";
import { locate } from "../../drivers/filesystem.ts";
import { assertSameFilesystem } from "../../drivers/filesystem_guard.ts";
import { RuneError } from "../../model/error.ts";
import { describeKey } from "../../model/kinds.ts";
import type { DriverVolume, ExpectedMounts, MountAnswer } from "../volumes.ts";
import { compareRuns } from "./compare_runs.ts";
import type { VolumeParts } from "./volume_parts.ts";

/** See `NodeVolumes.mount`. */
export async function mountVolume(
  { driver: name, call }: DriverVolume,
  { runs, parts }: { runs: ExpectedMounts[]; parts: VolumeParts },
): Promise<MountAnswer> {
  const { drivers, stage, holds, table, host } = parts;
  const driver = drivers.get(name ?? "");
  if (!driver) throw new RuneError("unavailable", `this daemon has no driver "${name}"`);
  const { volume: { uid }, signal } = call;
  await driver.attach(call);
  const mounted = await driver.mount(call);
  await using directory = await (driver.open?.(call) ?? host.open(mounted.path));
  const filesystem = driver.filesystem && await findFilesystem(directory, call);
  const where = await host.whereIs(directory);
  // Two volumes on one directory could have two writers, each with its own lease.
  const reservation = table.reserve(uid, where);
  if ("overlaps" in reservation) {
    return { state: "overlaps", directory: where.path, volumeUid: reservation.overlaps };
  }
  using _ = reservation;
  const trouble = await compareRuns(runs, { where, parts, signal });
  if (trouble) return trouble;
  await holds.take(where, { uid, name: describeKey(call.volume) });
  const path = await stage.show(uid, directory, signal);
  table.set(uid, { path, where });
  const { growsLater } = mounted;
  return {
    state: "mounted",
    path,
    ...(filesystem && { filesystem }),
    ...(growsLater !== undefined && { growsLater }),
  };
}

async function findFilesystem(directory: FileHandle, call: DriverVolume["call"]) {
  const { filesystem } = await locate(directory, call.signal);
  assertSameFilesystem(filesystem, call);
  return filesystem;
}

/** See `NodeVolumes.unmount`. */
export async function unmountVolume(
  { driver: name, call }: DriverVolume,
  { drivers, stage, holds, table }: VolumeParts,
): Promise<void> {
  const driver = drivers.get(name ?? "");
  const { uid } = call.volume;
  table.delete(uid);
  await stage.hide(uid, call.signal);
  await driver?.unmount(call);
  await holds.release(uid);
}
