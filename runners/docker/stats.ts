/** Reads the CPU and memory usage of a container. @module */
import { z } from "zod";
import type { Engine } from "./engine.ts";
import { sleepQuietly } from "./busy.ts";

/** A reading of the CPU time used so far. */
export interface CpuSample {
  /** Milliseconds since 1970, by the Engine's clock. */
  atMs: number;
  totalNs: number;
}

/** One reading of a container. */
export interface Reading {
  cpu: CpuSample;
  memoryBytes: number;
}

/** Milliseconds between the two readings that the first answer needs. */
const FIRST_INTERVAL_MS = 250;

const statsSchema = z.object({
  read: z.string(),
  cpu_stats: z.object({ cpu_usage: z.object({ total_usage: z.number() }) }),
  memory_stats: z.object({
    usage: z.number().optional(),
    stats: z.record(z.string(), z.number()).optional(),
  }),
});

/**
 * Measures CPU in thousandths of a core since `previous`, or over a quarter of a second without it.
 *
 * @returns undefined if the container does not run; otherwise also the reading to pass next time.
 */
export async function containerStats(
  engine: Engine,
  id: string,
  options: { previous?: CpuSample; signal: AbortSignal },
): Promise<{ milliCpu: number; memoryBytes: number; sample: CpuSample } | undefined> {
  const { signal } = options;
  let previous = options.previous;
  if (!previous) {
    previous = (await read(engine, id, signal))?.cpu;
    if (!previous) return undefined;
    await sleepQuietly(FIRST_INTERVAL_MS, signal);
  }
  const now = await read(engine, id, signal);
  return now && {
    milliCpu: milliCpuBetween(previous, now.cpu),
    memoryBytes: now.memoryBytes,
    sample: now.cpu,
  };
}

/** Thousandths of a core used between two readings; 0 if no time passed or the counter restarted. */
export function milliCpuBetween(from: CpuSample, to: CpuSample): number {
  const elapsedNs = (to.atMs - from.atMs) * 1e6;
  return elapsedNs <= 0 ? 0 : Math.max(0, Math.round(1000 * (to.totalNs - from.totalNs) / elapsedNs));
}

async function read(engine: Engine, id: string, signal: AbortSignal): Promise<Reading | undefined> {
  const stats = await engine.json(`/containers/${id}/stats`, {
    what: "read the container's use of CPU and memory",
    schema: statsSchema,
    query: { stream: "false", "one-shot": "true" },
    signal,
  });
  const { usage, stats: details = {} } = stats.memory_stats;
  if (usage === undefined) return undefined;
  // The kernel can drop file cache at any time, so it does not count as used memory (as in `docker stats`).
  const cache = details.total_inactive_file ?? details.inactive_file ?? 0;
  return {
    cpu: { atMs: Date.parse(stats.read), totalNs: stats.cpu_stats.cpu_usage.total_usage },
    memoryBytes: Math.max(0, usage - cache),
  };
}
