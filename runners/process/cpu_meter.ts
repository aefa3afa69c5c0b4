/** Measures the CPU and memory usage of runs, with CPU time between two readings of the same run. @module */
import type { Observation } from "./observe.ts";
import { residentBytes } from "./proc.ts";

type Living = Extract<Observation, { members: unknown }>;

const MIN_INTERVAL_MS = 200;

/** Remembers each run's CPU time at its last reading. */
export class CpuMeter {
  readonly #last = new Map<string, { ticks: number; at: number }>();

  /** Measures the usage of a run since the last reading, or since its start. */
  measure(name: string, found: Living): { milliCpu: number; memoryBytes: number } {
    const ticks = found.members.reduce((sum, { cpuTicks }) => sum + cpuTicks, 0);
    const memoryBytes = found.members.reduce((sum, { pid }) => sum + residentBytes(pid), 0);
    const at = performance.now();
    const before = this.#last.get(name) ??
      { ticks: 0, at: at - Math.max(0, Date.now() - found.leader.at.getTime()) };
    // Ticks of 10 ms are too coarse for an interval that is not much longer.
    const elapsed = Math.max(MIN_INTERVAL_MS, at - before.at);
    if (at - before.at >= MIN_INTERVAL_MS) this.#last.set(name, { ticks, at });
    // The ticks of processes that ended in between are lost.
    const milliCpu = Math.max(0, (ticks - before.ticks) * 10_000 / elapsed);
    return { milliCpu: Math.round(milliCpu), memoryBytes };
  }

  /** Forgets a removed run. */
  forget(name: string): void {
    this.#last.delete(name);
  }
}
