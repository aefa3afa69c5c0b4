/**
 * Pauses and resumes all processes of a run. Uses the run's control group if it can freeze (version 2, or the
 * freezer of version 1); no process can notice or prevent this. Otherwise sends SIGSTOP and SIGCONT to each
 * process.
 * @module
 */
import { existsSync } from "node:fs";
import { RuneError } from "../../model/error.ts";
import { freezeFile, thaw } from "./cgroup.ts";
import type { CgroupMounts } from "./cgroup_mounts.ts";
import { type ProcessStat, readSame, signalSame } from "./proc.ts";
import { hasGroup, type Tracking } from "./records.ts";

/** The interval in milliseconds between checks while processes come to rest, and the most checks. */
const REST = { everyMs: 5, times: 1_000 };

const STOPPED = ["T", "t"];

/** A run to pause or resume. */
export interface PausableRun {
  tracking: Tracking;
  members: ProcessStat[];
}

async function readText(path: string): Promise<string | undefined> {
  return await Deno.readTextFile(path).catch(() => undefined);
}

function fileOf(cgroups: CgroupMounts, tracking: Tracking): string | undefined {
  return hasGroup(tracking) ? freezeFile(cgroups, tracking) : undefined;
}

/** Whether the run is paused. */
export async function isPaused(cgroups: CgroupMounts, run: PausableRun): Promise<boolean> {
  const file = fileOf(cgroups, run.tracking);
  const wanted = file && await readText(file);
  if (wanted !== undefined) return !["0", "THAWED"].includes(wanted.trim());
  const states = run.members.map((seen) => readSame(seen)?.state).filter((state) => state !== undefined);
  return states.length > 0 && states.every((state) => STOPPED.includes(state));
}

/**
 * Pauses a run, and returns when none of its processes runs any more.
 *
 * @param run.members reads its current processes.
 * @throws {RuneError} `unavailable` if they do not stop, as in an uninterruptible wait. The run is then
 * resumed.
 */
export async function pauseRun(
  cgroups: CgroupMounts,
  run: { name: string; tracking: Tracking; members(): Promise<ProcessStat[]> },
  signal: AbortSignal,
): Promise<void> {
  const file = fileOf(cgroups, run.tracking);
  for (let look = 0; look < REST.times && !signal.aborted; look++) {
    // Written again each time, since a version 1 group that a process enters while it freezes would otherwise
    // never finish.
    const frozen = file !== undefined && await writeFreeze(file);
    if (frozen ? await isFrozen(file) : stopAll(await run.members())) return;
    await new Promise((resolve) => setTimeout(resolve, REST.everyMs));
  }
  resumeRun(cgroups, { tracking: run.tracking, members: await run.members() });
  throw new RuneError("unavailable", `the processes of ${run.name} did not come to rest`, {
    hint: "one of them waits for a disk or a device; look at the host",
    cause: signal.reason,
  });
}

/** Resumes a run. Does nothing if it is not paused. */
export function resumeRun(cgroups: CgroupMounts, { tracking, members }: PausableRun): void {
  if (hasGroup(tracking)) thaw(cgroups, tracking);
  const file = fileOf(cgroups, tracking);
  if (file !== undefined && existsSync(file)) return;
  for (const member of members) signalSame(member, "SIGCONT");
}

/** False if the run has no such file: it has no group, or the kernel is older than 5.2. */
async function writeFreeze(file: string): Promise<boolean> {
  try {
    await Deno.writeTextFile(file, file.endsWith("cgroup.freeze") ? "1" : "FROZEN", { create: false });
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Whether a group is frozen. A group without processes is. */
async function isFrozen(file: string): Promise<boolean> {
  if (file.endsWith("freezer.state")) return (await readText(file))?.trim() !== "FREEZING";
  const events = await readText(file.replace(/freeze$/, "events"));
  return events === undefined || /^frozen 1$/m.test(events) || /^populated 0$/m.test(events);
}

/**
 * Stops the processes that still run. True if there were none, so that none can have started another in
 * between.
 */
function stopAll(members: ProcessStat[]): boolean {
  let rest = true;
  for (const member of members) {
    const state = readSame(member)?.state;
    if (state === undefined || STOPPED.includes(state)) continue;
    rest = false;
    signalSame(member, "SIGSTOP");
  }
  return rest;
}
