/**
 * Processes that were started from this directory and of which it has no record any more: it was lost, or a backup was put in
 * its place. Nobody can tell what they write, so they end before any run is judged or started. What proves that one is ours is
 * its wrapper, which still says by its arguments which directory it came from, in a namespace where that is this directory.
 * @module
 */
import { existsSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { cgroupMembers, type CgroupMounts } from "./cgroup.ts";
import { letGo } from "./freeze.ts";
import { readProcess, sendSignal, sessionMembers } from "./proc.ts";
import { parseRunName } from "./records.ts";

/** A run without a record. */
export interface Stray {
  /** Of the run. */
  name: string;
  /** Pid of its wrapper, which leads its session. */
  leader: number;
}

const LOOK_MS = 25;

/** The runs that live without a record in `root`. */
export function findStrays(root: string): Stray[] {
  const strays: Stray[] = [];
  const ours = Deno.realPathSync(`${root}/wrapper.sh`);
  const namespace = Deno.readLinkSync("/proc/self/ns/mnt");
  for (const { name: pid } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    try {
      const [, script = "", name = ""] = Deno.readTextFileSync(`/proc/${pid}/cmdline`).split("\0");
      if (!script.endsWith("/wrapper.sh") || parseRunName(name) === undefined) continue;
      if (Deno.readLinkSync(`/proc/${pid}/ns/mnt`) !== namespace || Deno.realPathSync(script) !== ours) {
        continue;
      }
      if (Deno.statSync(`/proc/${pid}`).uid !== Deno.uid() || existsSync(`${root}/${name}`)) continue;
      strays.push({ name, leader: Number(pid) });
    } catch {
      // It ended meanwhile, or is somebody else's.
    }
  }
  return strays;
}

/**
 * Ends strays with all of their processes: SIGTERM, and after `graceMs` SIGKILL as often as it takes.
 *
 * @throws when the signal aborts first.
 */
export async function endStrays(
  strays: Stray[],
  { cgroups, graceMs, signal }: { cgroups: CgroupMounts; graceMs: number; signal: AbortSignal },
): Promise<void> {
  const killAt = performance.now() + graceMs;
  let asked = false;
  for (;;) {
    const living = strays.map(({ name, leader }) => ({ name, members: membersOf({ name, leader }, cgroups) }))
      .filter(({ members }) => members.length > 0);
    if (living.length === 0) return;
    // Asked once: what they start to clean up after themselves is left to it.
    const due = performance.now() >= killAt ? "SIGKILL" : asked ? undefined : "SIGTERM";
    asked = true;
    for (const run of due ? living : []) {
      // A snapshot may have been taken when the records were lost.
      await letGo(cgroups, run);
      for (const pid of run.members) sendSignal(pid, due!);
    }
    await setTimeout(LOOK_MS, undefined, { signal });
  }
}

function membersOf({ name, leader }: Stray, cgroups: CgroupMounts): number[] {
  const session = sessionMembers(leader).map(({ pid }) => pid);
  const group = (cgroupMembers(cgroups, name) ?? []).filter((pid) => readProcess(pid));
  return [...new Set([...session, ...group])];
}
