/**
 * Measures how much data volumes hold. Only commands that show it ask the daemon, because measuring reads the
 * whole tree.
 * @module
 */
import type { VolumeUsage } from "../../model/api.ts";
import { RuneError } from "../../model/error.ts";
import type { AnyResource } from "../../model/resource.ts";
import { resourcePath } from "./api.ts";
import type { Client } from "./client.ts";

/** How many to measure at once, to spare the daemon's host. */
const PARALLEL = 4;
/** The daemon gives up after 10 s. */
const TIMEOUT_MS = 15_000;

/** The disk usage of each volume in `resources` that can be measured now, by uid. */
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
        // A volume that cannot be measured is shown without its usage.
        if (!(error instanceof RuneError)) throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, work));
  return usage;
}
