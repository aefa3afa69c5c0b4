/**
 * What volumes hold: asked of the daemon only where it is shown, because measuring reads the whole tree.
 * @module
 */
import type { VolumeUsage } from "../../model/api.ts";
import { RuneError } from "../../model/error.ts";
import type { AnyResource } from "../../model/resource.ts";
import { resourcePath } from "./api.ts";
import type { Client } from "./client.ts";

/** Measured at once; the daemon's host has other things to do. */
const PARALLEL = 4;
/** The daemon gives up after 10 s. */
const TIMEOUT_MS = 15_000;

/** The usage of every volume among `resources` that can be measured now, by uid. */
export async function measureVolumes(
  client: Client,
  resources: AnyResource[],
): Promise<Map<string, VolumeUsage>> {
  const usage = new Map<string, VolumeUsage>();
  const waiting = resources.filter((r) => r.kind === "volume" && r.status.handle !== undefined);
  const work = async () => {
    for (let volume; (volume = waiting.shift()) !== undefined;) {
      try {
        const path = resourcePath(volume, "usage");
        usage.set(volume.uid, await client.request<VolumeUsage>("GET", path, { timeoutMs: TIMEOUT_MS }));
      } catch (error) {
        // A volume that cannot be measured is shown without it, as one whose driver cannot tell.
        if (!(error instanceof RuneError)) throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, work));
  return usage;
}
