/**
 * Finds and ends processes of this daemon without a record in its directory: the record was lost, or a backup
 * was restored there or elsewhere. Nobody can tell what they write, so they end before any run is judged or
 * started. The daemon's id proves that a process is its own: the control group carries it, and the wrapper
 * has it among its arguments, wherever it was started from. A wrapper of an earlier version has no id, but
 * its arguments name its directory.
 * @module
 */
import { existsSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { groupMembers, groupOf, listRunGroups, type TrackedGroup, TRACKERS } from "./cgroup.ts";
import type { CgroupMounts } from "./cgroup_mounts.ts";
import { resumeRun } from "./pause.ts";
import { type Host, signalMembers } from "./members.ts";
import { namespaceMembers } from "./namespace.ts";
import { type ProcessIdentity, type ProcessStat, readProcess, readSame, sessionMembers } from "./proc.ts";
import { parseRunName, type Tracking } from "./records.ts";

/** A run without a complete record. */
export interface Stray {
  /** The name of the run. */
  name: string;
  tracking: Tracking;
  /** Its wrapper, which leads its session, if it was found. */
  leader?: ProcessIdentity;
}

/** Options of the search. */
export interface StrayOptions {
  cgroups: CgroupMounts;
  daemonId: string;
}

const LOOK_MS = 25;

/** Finds the living runs without a record in `root`. */
export function findStrays(root: string, options: StrayOptions): Stray[] {
  const strays = straysByGroup(root, options);
  for (const found of straysByWrapper(root, options)) {
    const same = strays.find(({ name }) => name === found.name);
    // It may not have joined its group yet.
    if (same) same.leader = found.leader;
    else strays.push(found);
  }
  return strays;
}

/** Finds the control groups of runs without a record in `root`. */
export function lostGroups(root: string, options: StrayOptions): string[] {
  return lostNames(root, options).map((name) => groupOf(options.daemonId, name));
}

function lostNames(root: string, { cgroups, daemonId }: StrayOptions): string[] {
  return listRunGroups(cgroups, daemonId)
    .filter((name) => parseRunName(name) !== undefined && !existsSync(`${root}/${name}`));
}

function straysByGroup(root: string, { cgroups, daemonId }: StrayOptions): Stray[] {
  const trackers = TRACKERS.filter((tracker) => cgroups[tracker] !== undefined);
  return lostNames(root, { cgroups, daemonId }).flatMap((name) =>
    trackers.map((by): Stray & { tracking: TrackedGroup } => ({
      name,
      tracking: { by, group: groupOf(daemonId, name) },
    })).filter(({ tracking }) => groupMembers(cgroups, tracking).populated)
  );
}

function straysByWrapper(root: string, { cgroups, daemonId }: StrayOptions): Stray[] {
  const strays: Stray[] = [];
  const namespace = Deno.readLinkSync("/proc/self/ns/pid");
  for (const { name: pid } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    try {
      const leader = readProcess(Number(pid));
      const [, script = "", name = "", id] = Deno.readTextFileSync(`/proc/${pid}/cmdline`).split("\0");
      if (!script.endsWith("/wrapper.sh") || parseRunName(name) === undefined || !leader) continue;
      if (Deno.statSync(`/proc/${pid}`).uid !== Deno.uid() || existsSync(`${root}/${name}`)) continue;
      if (id !== daemonId && !isFrom(root, `/proc/${pid}/root${script}`)) continue;
      const apart = Deno.readLinkSync(`/proc/${pid}/ns/pid`) !== namespace;
      // Versions that named the group only after the run.
      const earlier = cgroups.unified !== undefined && existsSync(`${cgroups.unified}/rune/${name}`);
      const tracking: Tracking = earlier
        ? { by: "unified", group: name }
        : { by: apart ? "namespace" : "session" };
      strays.push({ name, leader, tracking });
    } catch {
      // It has ended in the meantime, or belongs to somebody else.
    }
  }
  return strays;
}

/**
 * Whether a script is in this directory, as its process sees it. Another view may have another directory
 * there.
 */
function isFrom(root: string, script: string): boolean {
  const [seen, ours] = [script, `${root}/wrapper.sh`].map((path) => Deno.statSync(path));
  return seen!.dev === ours!.dev && seen!.ino === ours!.ino;
}

/**
 * Ends strays with all of their processes: SIGTERM, and after `graceMs` SIGKILL as often as necessary.
 *
 * @throws if the signal aborts first.
 */
export async function endStrays(
  strays: Stray[],
  { host, graceMs, signal }: { host: Host; graceMs: number; signal: AbortSignal },
): Promise<void> {
  const killAt = performance.now() + graceMs;
  const known = new Map<Stray, ProcessStat[]>(strays.map((stray) => [stray, []]));
  let asked = false;
  for (;;) {
    const living = strays.filter((stray) => {
      const { alive, members } = membersOf(stray, { seen: known.get(stray)!, host });
      known.set(stray, members);
      return alive;
    });
    if (living.length === 0) return;
    // SIGTERM is sent once, so that processes which they start to clean up can finish.
    const due = performance.now() >= killAt ? "SIGKILL" : asked ? undefined : "SIGTERM";
    asked = true;
    for (const stray of due ? living : []) {
      const { tracking, leader = NOBODY } = stray;
      const members = known.get(stray)!;
      // The records may have been lost while a snapshot had paused the run.
      resumeRun(host.cgroups, { tracking, members });
      signalMembers(host, { leader, members, tracking }, due!);
    }
    await setTimeout(LOOK_MS, undefined, { signal });
  }
}

/**
 * The leader of a stray that was found only by its group. Each of its processes is signalled individually.
 */
const NOBODY: ProcessIdentity = { pid: 0, startTime: 0 };

/**
 * @param options.seen the processes found before. A session without its leader may be another one by now, so
 * only these count.
 */
function membersOf(
  { leader, tracking }: Stray,
  { seen, host }: { seen: ProcessStat[]; host: Host },
): { alive: boolean; members: ProcessStat[] } {
  if (tracking.by === "namespace") {
    const first = leader && readSame(leader);
    return { alive: first !== undefined, members: first ? namespaceMembers(first) : [] };
  }
  const session = leader === undefined
    ? []
    : readSame(leader)
    ? sessionMembers(leader.pid)
    : seen.map(readSame).filter((stat) => stat !== undefined);
  if (tracking.by === "session") return { alive: session.length > 0, members: session };
  const { populated, members } = groupMembers(host.cgroups, tracking);
  const all = new Map([...session, ...members].map((stat) => [stat.pid, stat]));
  return { alive: populated || session.length > 0, members: [...all.values()] };
}
