/**
 * Translates a service's resources to the files of control groups, for versions 1 and 2 (cgroups(7)).
 * @module
 */
import { parseBytes, parseMilliCpu } from "../../model/quantity.ts";
import type { Resources } from "../../model/security.ts";
import type { CgroupMounts } from "./cgroup_mounts.ts";

/** A value to write: the file within the run's group, by hierarchy. */
export interface Limit {
  mount: keyof CgroupMounts;
  file: string;
  value: string;
  /** The kernel may lack the file, since swap accounting is optional. */
  optional?: boolean;
}

const PERIOD_US = 100_000;
const MIN_QUOTA_US = 1_000;

/** The values that enforce `resources`. */
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
    // 1024 shares, or the default weight of 100, mean one core.
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
