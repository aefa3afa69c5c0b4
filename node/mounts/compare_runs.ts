/**
 * Holds runs that an earlier daemon started against the directory that their volume is now. One that has
 * another mounted, as after the volume's was moved away and restored, writes what nobody will see.
 * @module
 */
import type { Whereabouts } from "../../drivers/open_directory.ts";
import type { RunState } from "../../runners/runner.ts";
import type { ExpectedMounts, FilesystemPlace, MountAnswer } from "../volumes.ts";
import type { HostView } from "./host_view.ts";
import type { VolumeParts } from "./volume_parts.ts";
import { placeBelow } from "./run_mounts.ts";

/**
 * Looks at each run in turn.
 *
 * @param options.where the volume's directory now.
 * @returns the first run that keeps the volume from being shown; undefined when there is none.
 * @throws {RuneError} `unavailable` when a runner cannot be asked: then nothing is known.
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
  // The daemon of an ordinary user mounts nothing for processes: they have their volumes in place, where the
  // host has them.
  if (runner === "process" && Deno.uid() !== 0) return true;
  const container = runner === "docker" ? handle ?? "" : undefined;
  const known = pid === undefined
    ? "unknown"
    : await host.hasMounted({ pid, ...(container !== undefined && { container }) }, places);
  // An ordinary user may not look into others' processes: it goes by what the runner says.
  return known === "unknown" && Deno.uid() !== 0 ? true : known;
}
