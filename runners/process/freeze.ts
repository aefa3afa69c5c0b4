/**
 * Holding every process of a run still, and letting it go on: by the run's own control group where it has one (version 2,
 * `cgroup.freeze`: nothing inside notices or can refuse), else by SIGSTOP and SIGCONT to each of its processes.
 * @module
 */
import { RuneError } from "../../spec/error.ts";
import type { CgroupMounts } from "./cgroup.ts";
import { readProcess, sendSignal } from "./proc.ts";

/** Looks while processes come to rest, and between them, in milliseconds. */
const REST = { everyMs: 5, times: 1_000 };

const STOPPED = ["T", "t"];

function freezeFile(cgroups: CgroupMounts, name: string): string | undefined {
  return cgroups.unified === undefined ? undefined : `${cgroups.unified}/rune/${name}/cgroup.freeze`;
}

async function readText(path: string): Promise<string | undefined> {
  return await Deno.readTextFile(path).catch(() => undefined);
}

/** Whether the run is held. @param members its living processes. */
export async function isHeld(
  cgroups: CgroupMounts,
  run: { name: string; members: number[] },
): Promise<boolean> {
  const file = freezeFile(cgroups, run.name);
  const wanted = file && await readText(file);
  if (wanted !== undefined) return wanted.trim() === "1";
  const states = run.members.map((pid) => readProcess(pid)?.state).filter((state) => state !== undefined);
  return states.length > 0 && states.every((state) => STOPPED.includes(state));
}

/**
 * Holds a run, and returns when none of its processes runs any more.
 *
 * @param run.members reads its living processes anew.
 * @throws {RuneError} `unavailable` when they do not come to rest, as in an uninterruptible wait; it is let go then.
 */
export async function hold(
  cgroups: CgroupMounts,
  run: { name: string; members(): Promise<number[]> },
  signal: AbortSignal,
): Promise<void> {
  const file = freezeFile(cgroups, run.name);
  const frozen = file !== undefined && await writeFreeze(file, "1");
  for (let look = 0; look < REST.times && !signal.aborted; look++) {
    if (frozen ? await isFrozen(file) : await stopAll(await run.members())) return;
    await new Promise((resolve) => setTimeout(resolve, REST.everyMs));
  }
  await letGo(cgroups, { name: run.name, members: await run.members() });
  throw new RuneError("unavailable", `the processes of ${run.name} did not come to rest`, {
    hint: "one of them waits for a disk or a device; look at the host",
    cause: signal.reason,
  });
}

/** Lets a run go on. Done when it is not held. */
export async function letGo(cgroups: CgroupMounts, run: { name: string; members: number[] }): Promise<void> {
  const file = freezeFile(cgroups, run.name);
  if (file !== undefined && await writeFreeze(file, "0")) return;
  for (const pid of run.members) sendSignal(pid, "SIGCONT");
}

/** False when the run has no such file: no group, or a kernel before 5.2. */
async function writeFreeze(file: string, value: "0" | "1"): Promise<boolean> {
  try {
    await Deno.writeTextFile(file, value, { create: false });
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Whether a group has come to rest; one without processes has. */
async function isFrozen(file: string): Promise<boolean> {
  const events = await readText(file.replace(/freeze$/, "events"));
  return events === undefined || /^frozen 1$/m.test(events) || /^populated 0$/m.test(events);
}

/** Stops what still runs. True when nothing did: then nothing could have started more in between. */
function stopAll(members: number[]): boolean {
  let rest = true;
  for (const pid of members) {
    const state = readProcess(pid)?.state;
    if (state === undefined || STOPPED.includes(state)) continue;
    rest = false;
    sendSignal(pid, "SIGSTOP");
  }
  return rest;
}
