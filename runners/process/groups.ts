/**
 * The control groups of one run. Created at its start, with a record of how to find the run's processes.
 * @module
 */
import { makeCgroups } from "./cgroup.ts";
import { cannotContain } from "./run_errors.ts";
import { hasGroup, type RecordedSpec, type RunFiles, writeTracking } from "./records.ts";
import type { Supervisor } from "./supervisor.ts";

/**
 * Creates the groups of a run and records how to find its processes.
 * @returns the files that the wrapper joins.
 */
export async function makeGroups(
  files: RunFiles,
  { spec: { resources, mounts }, supervisor }: { spec: RecordedSpec; supervisor: Supervisor },
): Promise<string[]> {
  const { cgroups, tracks: by } = supervisor.host;
  const group = supervisor.groupOf(files);
  if (by === "session" && mounts.some(({ readOnly }) => !readOnly)) throw cannotContain();
  const tracking = await writeTracking(
    files,
    by === "namespace" || by === "session" ? { by } : { by, group },
  );
  supervisor.groups.keep(group);
  const tracked = hasGroup(tracking) ? { tracker: tracking.by, group: tracking.group } : { group };
  return await makeCgroups(cgroups, { ...tracked, resources });
}
