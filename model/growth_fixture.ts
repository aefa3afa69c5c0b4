/**
 * For tests of how running time grows with input. One run measures an input and one eight times as large, so
 * that a slow machine is slow for both.
 * @module
 */
import process from "node:process";
import { readCpuMs } from "../base/testing/cpu_time.ts";

/** The work to measure. */
export interface GrowthTrial<T> {
  make(n: number): T;
  run(input: T): unknown;
  /** The larger input size; the smaller is an eighth of it. */
  most: number;
}

/** A run that takes less than this is too short to compare. */
const MEASURABLE_MS = 3;
/** The ratio of the two input sizes. Linear time grows by this factor, quadratic time by its square. */
const FACTOR = 8;
const MOST = 3 * FACTOR;
const ROUNDS = 4;
/** A busy machine slows one attempt but not all of them; time that really grows too fast is slow in each. */
const ATTEMPTS = 12;

/**
 * CPU time of this thread in milliseconds. The process's would include other tests, which run in threads of
 * their own.
 */
function cpuMs(): number {
  try {
    return readCpuMs();
  } catch {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  }
}

function timeOf(work: () => unknown, times: number): number {
  const began = cpuMs();
  for (let time = 0; time < times; time++) work();
  return (cpuMs() - began) / times;
}

/** The fastest of several rounds; the difference to slower ones is other work on the machine. */
function leastOf(work: () => unknown, { enoughMs, times = 1 }: { enoughMs: number; times?: number }): number {
  let least = Infinity;
  for (let round = 0; round < ROUNDS && least > enoughMs; round++) {
    least = Math.min(least, timeOf(work, times));
  }
  return least;
}

/** Describes how many times longer the larger input takes, if that is too long; undefined if it is not. */
export async function measureGrowth<T>({ make, run, most }: GrowthTrial<T>): Promise<string | undefined> {
  const large = make(most);
  // Most work finishes too fast to measure.
  const measurable = { enoughMs: MEASURABLE_MS * FACTOR };
  if (leastOf(() => run(large), measurable) < measurable.enoughMs) return undefined;
  const n = Math.ceil(most / FACTOR);
  const small = make(n);
  let ratio = Infinity;
  let told = "";
  for (let attempt = 0; attempt < ATTEMPTS && ratio > MOST; attempt++) {
    // A pause lets the garbage collector clean up after earlier attempts.
    if (attempt > 0) await new Promise((resolve) => setTimeout(resolve, 20));
    // A short one runs so often that it takes as long as the large one, if the time grows linearly.
    const times = timeOf(() => run(small), 1) < measurable.enoughMs ? FACTOR : 1;
    const shortest = leastOf(() => run(small), { enoughMs: 0, times });
    const short = Math.max(shortest, MEASURABLE_MS / FACTOR);
    const long = leastOf(() => run(large), { enoughMs: short * MOST });
    ratio = Math.min(ratio, long / short);
    told = `${ratio.toFixed(1)} times as long (${short.toFixed(1)} ms for ${n}, ${
      long.toFixed(1)
    } ms for ${most})`;
  }
  return ratio > MOST ? told : undefined;
}
