/**
 * Refuses limits and requests that exceed this machine: no runner could satisfy them, and waiting would not
 * help.
 * @module
 */
import { sameValue } from "../../model/changes.ts";
import type { FieldIssue } from "../../model/error.ts";
import { formatBytes } from "../../model/format.ts";
import { parseBytes, parseMilliCpu } from "../../model/quantity.ts";
import type { ServiceSpec } from "../../model/service.ts";

/** The size of a machine. */
export interface Capacity {
  cpus: number;
  memoryBytes: number;
}

let known: Capacity | undefined;

/** The size of this machine, read once, since it hardly ever changes while the machine runs. */
export function hostCapacity(): Capacity {
  return known ??= { cpus: onlineCpus(), memoryBytes: Deno.systemMemoryInfo().total };
}

/** Counts online CPUs as the Engine does. This process may be limited to fewer. */
function onlineCpus(): number {
  try {
    return countCpus(Deno.readTextFileSync("/sys/devices/system/cpu/online"));
  } catch {
    return navigator.hardwareConcurrency;
  }
}

/** Counts the CPUs in a list such as `0-3,8`. */
export function countCpus(list: string): number {
  return list.trim().split(",").reduce((sum, range) => {
    const [first, last = first] = range.split("-").map(Number);
    return sum + last! - first! + 1;
  }, 0);
}

/**
 * Checks limits and requests against the machine. Stored values stay accepted, since the machine may have
 * shrunk.
 */
export function checkCapacity(
  { resources }: Pick<ServiceSpec, "resources">,
  { before, capacity }: { before: Pick<ServiceSpec, "resources"> | undefined; capacity: Capacity },
): FieldIssue[] {
  if (!resources || (before && sameValue(before.resources, resources))) return [];
  const { cpus, memoryBytes } = capacity;
  const issues: FieldIssue[] = [];
  for (const field of ["request", "limit"] as const) {
    const [cpu, memory] = [resources.cpu?.[field], resources.memory?.[field]];
    if (cpu !== undefined && parseMilliCpu(cpu) > cpus * 1000) {
      issues.push({
        path: ["resources", "cpu", field],
        message: `${cpu} CPUs are more than this machine has: expected at most ${cpus}`,
        hint: `write ${cpus} or less, or leave the ${field} out`,
      });
    }
    if (memory !== undefined && parseBytes(memory) > memoryBytes) {
      issues.push({
        path: ["resources", "memory", field],
        message: `${memory} is more memory than this machine has: expected at most ${
          formatBytes(memoryBytes)
        }`,
        hint: `write less, or leave the ${field} out`,
      });
    }
  }
  return issues;
}
