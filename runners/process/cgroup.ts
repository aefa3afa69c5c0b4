/**
 * Control groups of runs: one to know every process of a run, also those that left its session, and those that enforce
 * limits. They lie at `/rune/<name>` from the root of each hierarchy, outside of the daemon's own unit, so that stopping
 * that unit does not end the runs. Version 1, version 2 and both at once (cgroups(7)).
 * @module
 */
import { RuneError } from "../../spec/error.ts";
import { parseBytes, parseMilliCpu } from "../../spec/quantity.ts";
import type { Resources } from "../../spec/security.ts";

/** Where the hierarchies are mounted; a member is absent where the host has none that we may write. */
export interface CgroupMounts {
  unified?: string;
  cpu?: string;
  memory?: string;
}

/** Values to be written: file within the run's group, by hierarchy. */
interface Limit {
  mount: keyof CgroupMounts;
  file: string;
  value: string;
  /** The kernel may lack the file: swap accounting is optional. */
  optional?: boolean;
}

const PERIOD_US = 100_000;
const MIN_QUOTA_US = 1_000;
const REMOVE_TRIES = 100;
const REMOVE_PAUSE_MS = 10;

/** Finds the hierarchies in the text of `/proc/self/mounts`. */
export function parseCgroupMounts(text: string): CgroupMounts {
  const mounts: CgroupMounts = {};
  for (const line of text.split("\n")) {
    const [, at, type, options = ""] = line.split(" ");
    if (type === "cgroup2") mounts.unified ??= at;
    if (type !== "cgroup") continue;
    if (options.split(",").includes("cpu")) mounts.cpu ??= at;
    if (options.split(",").includes("memory")) mounts.memory ??= at;
  }
  return mounts;
}

/** The hierarchies of this host in which groups can be made; none for an ordinary user. */
export function findCgroupMounts(): CgroupMounts {
  if (Deno.uid() !== 0) return {};
  const mounts = parseCgroupMounts(Deno.readTextFileSync("/proc/self/mounts"));
  for (const key of Object.keys(mounts) as (keyof CgroupMounts)[]) {
    try {
      Deno.mkdirSync(`${mounts[key]}/rune`, { recursive: true });
    } catch {
      delete mounts[key];
    }
  }
  return mounts;
}

/** What must be written to enforce `resources`. */
export function cgroupLimits(mounts: CgroupMounts, resources: Resources): Limit[] {
  const limits: Limit[] = [];
  const { cpu, memory } = resources;
  const [cpuV1, memoryV1] = [mounts.cpu !== undefined, mounts.memory !== undefined];
  if (cpu?.limit !== undefined) {
    const quota = Math.max(MIN_QUOTA_US, parseMilliCpu(cpu.limit) * PERIOD_US / 1000);
    limits.push(
      cpuV1
        ? { mount: "cpu", file: "cpu.cfs_quota_us", value: `${quota}` }
        : { mount: "unified", file: "cpu.max", value: `${quota} ${PERIOD_US}` },
    );
  }
  if (cpu?.request !== undefined) {
    const milli = parseMilliCpu(cpu.request);
    // 1024 shares, or the default weight of 100, stand for one core.
    const shares = Math.min(262_144, Math.max(2, Math.round(milli * 1024 / 1000)));
    const weight = Math.min(10_000, Math.max(1, Math.round(milli / 10)));
    limits.push(
      cpuV1
        ? { mount: "cpu", file: "cpu.shares", value: `${shares}` }
        : { mount: "unified", file: "cpu.weight", value: `${weight}` },
    );
  }
  if (memory?.limit !== undefined) {
    const value = `${parseBytes(memory.limit)}`;
    limits.push(
      ...(memoryV1
        ? [
          { mount: "memory", file: "memory.limit_in_bytes", value },
          { mount: "memory", file: "memory.memsw.limit_in_bytes", value, optional: true },
        ] satisfies Limit[]
        : [
          { mount: "unified", file: "memory.max", value },
          { mount: "unified", file: "memory.swap.max", value: "0", optional: true },
        ] satisfies Limit[]),
    );
  }
  if (memory?.request !== undefined) {
    const value = `${parseBytes(memory.request)}`;
    limits.push(
      memoryV1
        ? { mount: "memory", file: "memory.soft_limit_in_bytes", value }
        : { mount: "unified", file: "memory.low", value },
    );
  }
  return limits;
}

/**
 * Makes the groups of a run and writes its limits.
 *
 * @returns the `cgroup.procs` files that the run's first process must write itself into.
 * @throws {RuneError} `failed_precondition` when this host cannot enforce a limit.
 */
export async function makeCgroups(
  mounts: CgroupMounts,
  { name, resources = {} }: { name: string; resources?: Resources },
): Promise<string[]> {
  const limits = cgroupLimits(mounts, resources);
  const used = new Set<keyof CgroupMounts>(limits.map((l) => l.mount));
  if (mounts.unified !== undefined) used.add("unified");
  for (const key of used) {
    if (mounts[key] === undefined) {
      throw cannotLimit("there is no control group hierarchy that Rune may write");
    }
    if (key === "unified" && limits.some((l) => l.mount === key)) await enableControllers(mounts.unified!);
    await Deno.mkdir(`${mounts[key]}/rune/${name}`, { recursive: true });
  }
  for (const { mount, file, value, optional } of limits) {
    try {
      await Deno.writeTextFile(`${mounts[mount]}/rune/${name}/${file}`, value, { create: false });
    } catch (error) {
      if (optional) continue;
      throw cannotLimit(
        `${file} cannot be set to ${value}: ${error instanceof Error ? error.message : error}`,
      );
    }
  }
  return [...used].map((key) => `${mounts[key]}/rune/${name}/cgroup.procs`);
}

/** Hands the controllers down to the groups of runs (version 2); where it fails the limit's file will be missing. */
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

/** The `cgroup.procs` files of the groups that a run has now. */
export async function joinableCgroups(mounts: CgroupMounts, name: string): Promise<string[]> {
  const files = Object.values(mounts).map((mount) => `${mount}/rune/${name}/cgroup.procs`);
  const there = await Promise.all(files.map((file) => Deno.stat(file).then(() => true, () => false)));
  return files.filter((_, i) => there[i]);
}

/** Pids of a run's processes, or undefined when it has no group to tell. Zombies are not listed (cgroups(7)). */
export function cgroupMembers(mounts: CgroupMounts, name: string): number[] | undefined {
  if (mounts.unified === undefined) return undefined;
  try {
    const text = Deno.readTextFileSync(`${mounts.unified}/rune/${name}/cgroup.procs`);
    return text.split("\n").filter((line) => line !== "").map(Number);
  } catch {
    return undefined;
  }
}

/** Whether the kernel killed a process of the run for want of memory. */
export async function wasOomKilled(mounts: CgroupMounts, name: string): Promise<boolean> {
  const file = mounts.memory !== undefined
    ? `${mounts.memory}/rune/${name}/memory.oom_control`
    : `${mounts.unified}/rune/${name}/memory.events`;
  const text = await Deno.readTextFile(file).catch(() => "");
  return Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0) > 0;
}

/** Removes the groups of a run that has no processes left; done when there are none. */
export async function removeCgroups(mounts: CgroupMounts, name: string): Promise<void> {
  for (const mount of Object.values(mounts)) await removeGroup(`${mount}/rune/${name}`);
}

async function removeGroup(dir: string): Promise<void> {
  for (let tries = 1;; tries++) {
    try {
      return await Deno.remove(dir);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return;
      // A process that has ended is still counted for a moment, and nothing tells when that is over.
      if (tries >= REMOVE_TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, REMOVE_PAUSE_MS));
    }
  }
}
