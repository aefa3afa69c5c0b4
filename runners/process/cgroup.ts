/**
 * Control groups of runs: one finds every process of a run, whatever it does, and others enforce limits. They
 * are at `/rune/<group>` from the root of each hierarchy, outside the daemon's own unit, so that stopping
 * this unit does not end the runs. Supports version 1, version 2 and both at once (cgroups(7)).
 *
 * A group includes all groups below it, since a process may create some and move there. Only root can leave
 * the tree.
 * @module
 */
import { RuneError } from "../../model/error.ts";
import type { Resources } from "../../model/security.ts";
import { cgroupLimits } from "./cgroup_limits.ts";
import type { CgroupMounts } from "./cgroup_mounts.ts";
import { type ProcessStat, readProcess } from "./proc.ts";

/** Hierarchies that can find the processes of a run, the best one first. */
export const TRACKERS = ["unified", "freezer", "pids"] as const;

/** One of {@linkcode TRACKERS}. */
export type Tracker = typeof TRACKERS[number];

/** The group that contains the processes of a run. */
export interface TrackedGroup {
  by: Tracker;
  group: string;
}

/** Picks the hierarchy for the processes of a new run, if there is one. */
export function pickTracker(mounts: CgroupMounts): Tracker | undefined {
  return TRACKERS.find((tracker) => mounts[tracker] !== undefined);
}

/**
 * The group of a run. It contains the daemon's id, so its owner is known even without the daemon's records.
 */
export function groupOf(daemonId: string, run: string): string {
  return `${daemonId}.${run}`;
}

/**
 * Creates the groups of a run and writes its limits.
 *
 * @returns the `cgroup.procs` files into which the run's first process must write itself.
 * @throws {RuneError} `failed_precondition` if this host cannot enforce a limit.
 */
export async function makeCgroups(
  mounts: CgroupMounts,
  { group, tracker, resources = {} }: { group: string; tracker?: Tracker; resources?: Resources },
): Promise<string[]> {
  const limits = cgroupLimits(mounts, resources);
  const used = new Set<keyof CgroupMounts>(limits.map((l) => l.mount));
  if (tracker !== undefined) used.add(tracker);
  for (const key of used) {
    if (mounts[key] === undefined) {
      throw cannotLimit("there is no control group hierarchy that Rune may write");
    }
    if (key === "unified" && limits.some((l) => l.mount === key)) await enableControllers(mounts.unified!);
    await Deno.mkdir(`${mounts[key]}/rune/${group}`, { recursive: true });
  }
  for (const { mount, file, value, optional } of limits) {
    try {
      await Deno.writeTextFile(`${mounts[mount]}/rune/${group}/${file}`, value, { create: false });
    } catch (error) {
      if (optional) continue;
      throw cannotLimit(
        `${file} cannot be set to ${value}: ${error instanceof Error ? error.message : error}`,
      );
    }
  }
  return [...used].map((key) => `${mounts[key]}/rune/${group}/cgroup.procs`);
}

/**
 * Enables the controllers for the groups of runs (version 2). If this fails, the limit's file will be
 * missing.
 */
async function enableControllers(unified: string): Promise<void> {
  for (const dir of [unified, `${unified}/rune`]) {
    await Deno.writeTextFile(`${dir}/cgroup.subtree_control`, "+cpu +memory", { create: false }).catch(
      () => {},
    );
  }
}

function cannotLimit(reason: string): RuneError {
  return new RuneError("failed_precondition", `this host cannot enforce resources: ${reason}`, {
    hint:
      "remove resources from the service, or run the daemon as root on a host with cpu and memory control groups",
  });
}

/** The `cgroup.procs` files of a run's current groups. */
export async function joinableCgroups(mounts: CgroupMounts, group: string): Promise<string[]> {
  const files = Object.values(mounts).map((mount) => `${mount}/rune/${group}/cgroup.procs`);
  const there = await Promise.all(files.map((file) => Deno.stat(file).then(() => true, () => false)));
  return files.filter((_, i) => there[i]);
}

/**
 * The directory that lists a run's processes.
 * @throws {RuneError} `unavailable` if this daemon cannot see the hierarchy.
 */
function directoryOf(mounts: CgroupMounts, { by, group }: TrackedGroup): string {
  const mount = mounts[by];
  if (mount !== undefined) return `${mount}/rune/${group}`;
  throw new RuneError("unavailable", `the control groups that tell what runs as ${group} cannot be seen`, {
    hint: `run the daemon as root with the ${
      by === "unified" ? "cgroup2" : `cgroup ${by}`
    } hierarchy mounted as before, or restart the host`,
  });
}

/** The contents of a group. */
export interface GroupMembers {
  /** False only if the group and those below it are certainly empty. */
  populated: boolean;
  /** The processes that were found; complete if none starts or ends during the search. */
  members: ProcessStat[];
}

/**
 * Finds the processes of a group and of all groups below it. A missing group has none, since the kernel only
 * removes empty groups.
 *
 * @throws {RuneError} `unavailable` if the hierarchy cannot be seen.
 */
export function groupMembers(mounts: CgroupMounts, tracked: TrackedGroup): GroupMembers {
  const dir = directoryOf(mounts, tracked);
  const pids = listPids(dir);
  const stats = pids.map(readProcess).filter((stat) => stat !== undefined);
  // A pid that was reused between the listing and the check is no longer in the group.
  const still = new Set(pids.length === 0 ? [] : listPids(dir));
  const members = stats.filter(({ pid }) => still.has(pid));
  const events = readControl(`${dir}/cgroup.events`);
  // Version 1 has no such file. While one list is read, a process may move from a later group to an earlier
  // one.
  const populated = events === undefined
    ? pids.length > 0 || (listGroupsBelow(dir).length > 1 && listPids(dir).length > 0)
    : /^populated 1$/m.test(events);
  return { populated, members };
}

/** Lists the directories of a group and all groups below it, parents first. */
function listGroupsBelow(dir: string): string[] {
  const found = [dir];
  for (const at of found) {
    try {
      for (const entry of Deno.readDirSync(at)) if (entry.isDirectory) found.push(`${at}/${entry.name}`);
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }
  return found;
}

/** Zombies are not listed (cgroups(7)). */
function listPids(dir: string): number[] {
  const pids = listGroupsBelow(dir).flatMap((at) => {
    // A threaded group lists threads instead of processes. Both can be checked and signalled.
    const text = readControl(`${at}/cgroup.procs`) ?? readControl(`${at}/cgroup.threads`) ?? "";
    return text.split("\n").filter((line) => line !== "").map(Number);
  });
  return [...new Set(pids)];
}

/** Reads a control file; undefined if the group has none, or it cannot be read. */
function readControl(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (isGone(error) || (error as { code?: string }).code === "ENOTSUP") return undefined;
    throw error;
  }
}

/**
 * The group was removed. Between opening and reading the error is ENODEV, for which Deno has neither a class
 * nor a code.
 */
function isGone(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound ||
    (error instanceof Error && error.message.includes("os error 19"));
}

function writeControl(path: string, value: string): boolean {
  try {
    Deno.writeTextFileSync(path, value, { create: false });
    return true;
  } catch {
    return false;
  }
}

/**
 * Ends all processes of a group and those below it at once, if the kernel can. Otherwise the kernel stops new
 * processes while `signal` sends SIGKILL to each.
 */
export function killGroup(mounts: CgroupMounts, tracked: TrackedGroup, signal: () => void): void {
  const dir = directoryOf(mounts, tracked);
  // Version 2 since Linux 5.14.
  if (tracked.by === "unified" && writeControl(`${dir}/cgroup.kill`, "1")) return;
  if (tracked.by === "pids") writeControl(`${dir}/pids.max`, "0");
  if (tracked.by === "freezer") writeControl(`${dir}/freezer.state`, "FROZEN");
  try {
    signal();
  } finally {
    if (tracked.by === "freezer") thaw(mounts, tracked);
  }
}

/**
 * The control file that pauses a group's processes; undefined if its hierarchy cannot do this.
 */
export function freezeFile(mounts: CgroupMounts, { by, group }: TrackedGroup): string | undefined {
  const name = { unified: "cgroup.freeze", freezer: "freezer.state", pids: undefined }[by];
  return name === undefined || mounts[by] === undefined ? undefined : `${mounts[by]}/rune/${group}/${name}`;
}

/** Resumes the processes of a group, even those that a group below it has paused. */
export function thaw(mounts: CgroupMounts, tracked: TrackedGroup): void {
  for (const at of listGroupsBelow(directoryOf(mounts, tracked))) {
    writeControl(`${at}/freezer.state`, "THAWED");
    writeControl(`${at}/cgroup.freeze`, "0");
  }
}

/** Whether the kernel killed a process of the run for lack of memory. */
export async function wasOomKilled(mounts: CgroupMounts, group: string): Promise<boolean> {
  const file = mounts.memory !== undefined
    ? `${mounts.memory}/rune/${group}/memory.oom_control`
    : `${mounts.unified}/rune/${group}/memory.events`;
  const text = await Deno.readTextFile(file).catch(() => "");
  return Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0) > 0;
}

/** Lists the runs whose groups contain a daemon's id. */
export function listRunGroups(mounts: CgroupMounts, daemonId: string): string[] {
  const prefix = groupOf(daemonId, "");
  const found = Object.values(mounts).flatMap((mount) =>
    [...Deno.readDirSync(`${mount}/rune`)].map(({ name }) => name).filter((name) => name.startsWith(prefix))
  );
  return [...new Set(found)].map((name) => name.slice(prefix.length));
}

/**
 * Removes the groups of a run without processes, and those below them. Does nothing if there are none.
 *
 * @throws if the kernel keeps one, because of a process in it or for its own reasons.
 */
export function removeCgroups(mounts: CgroupMounts, group: string): void {
  for (const mount of Object.values(mounts)) removeTree(`${mount}/rune/${group}`);
}

function removeTree(dir: string): void {
  for (const at of listGroupsBelow(dir).reverse()) {
    try {
      Deno.removeSync(at);
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }
}
