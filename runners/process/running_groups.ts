/**
 * The processes of a daemon that live on this host, for who must know before that daemon is there.
 * @module
 */
import { groupMembers, groupOf, listRunGroups, TRACKERS } from "./cgroup.ts";
import { findCgroupMounts } from "./cgroup_mounts.ts";
import { readAllProcesses } from "./proc.ts";
import { parseRunName } from "./records.ts";

/** A run whose processes live. */
export interface RunningGroup {
  /** Of the run. */
  name: string;
  pids: number[];
}

/**
 * Lists them: by control groups, which carry the daemon's id, and by wrappers, which have it among their
 * arguments or, of earlier versions, were started from one of these directories: where a daemon could make no
 * groups.
 *
 * @param options.dataDirs where the daemon's data is or was.
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
