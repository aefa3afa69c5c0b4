/** What runs use of CPU and memory: CPU time between two looks at the same run. @module */
import type { Observation } from "./observe.ts";
import { residentBytes } from "./proc.ts";

type Living = Extract<Observation, { members: unknown }>;

const MIN_INTERVAL_MS = 200;

/** Remembers the CPU time that each run had when it was last asked about. */
export class CpuMeter {
  readonly #last = new Map<string, { ticks: number; at: number }>();

  /** What a run uses since the last look; at the first, since it began. */
  measure(name: string, found: Living): { milliCpu: number; memoryBytes: number } {
    const ticks = found.members.reduce((sum, { cpuTicks }) => sum + cpuTicks, 0);
    const memoryBytes = found.members.reduce((sum, { pid }) => sum + residentBytes(pid), 0);
    const at = performance.now();
    const before = this.#last.get(name) ??
      { ticks: 0, at: at - Math.max(0, Date.now() - found.leader.at.getTime()) };
    // Ticks of 10 ms say little about an interval that is not much longer.
    const elapsed = Math.max(MIN_INTERVAL_MS, at - before.at);
    if (at - before.at >= MIN_INTERVAL_MS) this.#last.set(name, { ticks, at });
    // Processes that ended in between took their ticks with them.
    const milliCpu = Math.max(0, (ticks - before.ticks) * 10_000 / elapsed);
    return { milliCpu: Math.round(milliCpu), memoryBytes };
  }

  /** Forgets a run that is removed. */
  forget(name: string): void {
    this.#last.delete(name);
  }
}
