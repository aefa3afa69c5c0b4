/**
 * Compares what runs of an earlier daemon have mounted with their volume's current directory. A run that has
 * another directory mounted, for example after the volume was moved away and restored, would write data that
 * nobody sees.
 * @module
 */
import type { Whereabouts } from "../../drivers/open_directory.ts";
import type { RunState } from "../../runners/runner.ts";
import type { ExpectedMounts, FilesystemPlace, MountAnswer } from "../volumes.ts";
import type { HostView } from "./host_view.ts";
import type { VolumeParts } from "./volume_parts.ts";
import { placeBelow } from "./run_mounts.ts";

/**
 * Checks each run in turn.
 *
 * @param options.where the volume's current directory.
 * @returns the first run that prevents the mount; undefined if there is none.
 * @throws {RuneError} `unavailable` if a runner is unreachable.
 */
export async function compareRuns(
  runs: ExpectedMounts[],
  { where, parts: { runners, host }, signal }: {
    where: Whereabouts;
    parts: Pick<VolumeParts, "runners" | "host">;
    signal: AbortSignal;
  },
): Promise<Extract<MountAnswer, { state: "stranger" | "unclear" }> | undefined> {
  for (const { runner: name, run, subPaths } of runs) {
    const state = await runners.get(name)?.inspect(run, signal);
    if (state?.state !== "running") continue;
    const places = subPaths.map((subPath) => placeBelow(where, subPath));
    const same = await hasPlaces(state, { runner: name, places, host });
    if (same === "unknown") return { state: "unclear", run };
    if (!same) return { state: "stranger", directory: where.path, run };
  }
  return undefined;
}

async function hasPlaces(
  { pid, handle }: RunState,
  { runner, places, host }: { runner: string; places: FilesystemPlace[]; host: HostView },
): Promise<boolean | "unknown"> {
  // A daemon without root mounts nothing for processes; they use the volumes at their paths on the host.
  if (runner === "process" && Deno.uid() !== 0) return true;
  const container = runner === "docker" ? handle ?? "" : undefined;
  const known = pid === undefined
    ? "unknown"
    : await host.hasMounted({ pid, ...(container !== undefined && { container }) }, places);
  // A daemon without root may not inspect other processes, so it trusts the runner.
  return known === "unknown" && Deno.uid() !== 0 ? true : known;
}
