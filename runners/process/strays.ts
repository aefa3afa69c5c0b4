/**
 * Processes of this daemon of which its directory has no record any more: it was lost, or a backup was put in
 * its place or elsewhere. Nobody can tell what they write, so they end before any run is judged or started.
 * What proves that one is ours is the daemon's id, which its control group carries and its wrapper has among
 * its arguments, wherever it was started from. A wrapper of an earlier version has no id; it says which
 * directory it came from.
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

/** A run without a record, or a part of one. */
export interface Stray {
  /** Of the run. */
  name: string;
  tracking: Tracking;
  /** Its wrapper, which leads its session, where it was found. */
  leader?: ProcessIdentity;
}

/** Where strays are looked for. */
export interface StrayOptions {
  cgroups: CgroupMounts;
  daemonId: string;
}

const LOOK_MS = 25;

/** The runs that live without a record in `root`. */
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

/** The control groups of runs without a record in `root`. */
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
      // Versions that named the group after the run alone.
      const earlier = cgroups.unified !== undefined && existsSync(`${cgroups.unified}/rune/${name}`);
      const tracking: Tracking = earlier
        ? { by: "unified", group: name }
        : { by: apart ? "namespace" : "session" };
      strays.push({ name, leader, tracking });
    } catch {
      // It ended meanwhile, or is somebody else's.
    }
  }
  return strays;
}

/**
 * Whether a script, as a process sees it, is the one in this directory: another view may have another
 * directory there.
 */
function isFrom(root: string, script: string): boolean {
  const [seen, ours] = [script, `${root}/wrapper.sh`].map((path) => Deno.statSync(path));
  return seen!.dev === ours!.dev && seen!.ino === ours!.ino;
}

/**
 * Ends strays with all of their processes: SIGTERM, and after `graceMs` SIGKILL as often as it takes.
 *
 * @throws when the signal aborts first.
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
    // Asked once: what they start to clean up after themselves is left to it.
    const due = performance.now() >= killAt ? "SIGKILL" : asked ? undefined : "SIGTERM";
    asked = true;
    for (const stray of due ? living : []) {
      const { tracking, leader = NOBODY } = stray;
      const members = known.get(stray)!;
      // A snapshot may have been taken when the records were lost.
      resumeRun(host.cgroups, { tracking, members });
      signalMembers(host, { leader, members, tracking }, due!);
    }
    await setTimeout(LOOK_MS, undefined, { signal });
  }
}

/** The leader of a stray that was found by its group: each of its processes is signalled by itself. */
const NOBODY: ProcessIdentity = { pid: 0, startTime: 0 };

/**
 * @param options.seen what was found before. A session whose leader is gone may be another one by now, so
 * these alone count.
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
