/**
 * Lists the living processes of a daemon on this host, for callers that run before the daemon does.
 * @module
 */
import { groupMembers, groupOf, listRunGroups, TRACKERS } from "./cgroup.ts";
import { findCgroupMounts } from "./cgroup_mounts.ts";
import { readAllProcesses } from "./proc.ts";
import { parseRunName } from "./records.ts";

/** A run whose processes live. */
export interface RunningGroup {
  /** The name of the run. */
  name: string;
  pids: number[];
}

/**
 * Lists runs with living processes, by control groups and by wrappers. Control groups carry the daemon's id.
 * Wrappers have the id among their arguments. Wrappers of earlier versions, which are found where a daemon
 * could not create groups, were started from one of these directories.
 *
 * @param options.dataDirs the current and former data directories of the daemon.
 */
export function listRunningGroups(
  { daemonId, dataDirs }: { daemonId: string; dataDirs: string[] },
): RunningGroup[] {
  const found = new Map<string, Set<number>>();
  const add = (name: string, pids: number[]) => {
    found.set(name, new Set([...found.get(name) ?? [], ...pids]));
  };
  const mounts = findCgroupMounts();
  const trackers = TRACKERS.filter((tracker) => mounts[tracker] !== undefined);
  for (const name of listRunGroups(mounts, daemonId)) {
    for (const by of trackers) {
      const { populated, members } = groupMembers(mounts, { by, group: groupOf(daemonId, name) });
      if (populated) add(name, members.map(({ pid }) => pid));
    }
  }
  const scripts = dataDirs.map((dir) => `${dir}/processes/wrapper.sh`);
  for (const { pid } of readAllProcesses()) {
    const [, script = "", name = "", id] = commandOf(pid);
    const ours = scripts.includes(script) || (script.endsWith("/wrapper.sh") && id === daemonId);
    if (ours && parseRunName(name) !== undefined) add(name, [pid]);
  }
  return [...found].map(([name, pids]) => ({ name, pids: [...pids].sort((a, b) => a - b) }));
}

function commandOf(pid: number): string[] {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/cmdline`).split("\0");
  } catch {
    return [];
  }
}
