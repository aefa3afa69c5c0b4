/**
 * The volumes of this machine. Implements the contract of `volumes.ts` with drivers, runners, a stage and
 * holds of directories.
 * @module
 */
import { RuneError } from "../../model/error.ts";
import type { NodeVolumes } from "../volumes.ts";
import { isMissing } from "./find_missing.ts";
import { THIS_HOST } from "./host_view.ts";
import { createMountTable } from "./mount_table.ts";
import { mountVolume, unmountVolume } from "./mount_volume.ts";
import type { VolumeParts } from "./volume_parts.ts";
import { placeMount } from "./place_mount.ts";

/**
 * Creates the node's volumes. A volume counts as mounted only after its mount through this object.
 * @param given.host default: this host.
 */
export function createLocalVolumes(
  given: Omit<VolumeParts, "table" | "host"> & Partial<Pick<VolumeParts, "host">>,
): NodeVolumes {
  const parts: VolumeParts = { host: THIS_HOST, ...given, table: createMountTable() };
  const { stage, holds, table, host } = parts;
  return {
    mount: (volume, runs) => mountVolume(volume, { runs, parts }),
    unmount: (volume) => unmountVolume(volume, parts),
    place: (order, signal) => placeMount(order, { parts, signal }),
    hasMounted: (process, { places }) => host.hasMounted(process, places),
    async isMissing({ volumeUid, ...file }) {
      const mounted = table.get(volumeUid);
      if (!mounted) throw new RuneError("unavailable", `the volume of ${file.shownAs} is not mounted`);
      return await isMissing(file, { mounted, host });
    },
    async findShortage(volumeUid) {
      const mounted = table.get(volumeUid);
      return mounted && await host.findShortage(mounted.path);
    },
    async listOwners() {
      const [shown, held] = [await stage.list(), await holds.list()];
      return [...new Set([...shown.map(ownerOf), ...held])];
    },
    async release(ownerUid, signal) {
      table.delete(ownerUid);
      const ids = (await stage.list()).filter((id) => ownerOf(id) === ownerUid);
      const ends = await Promise.allSettled(ids.map((id) => stage.hide(id, signal)));
      const failed = ends.find((end) => end.status === "rejected");
      if (failed) throw failed.reason;
      await holds.release(ownerUid);
    },
  };
}

/** The uid of the volume or instance that an id of the stage belongs to. */
const ownerOf = (id: string): string => id.split(".")[0]!;
