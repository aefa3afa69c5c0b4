/** For tests of how time grows with what is read: so much and eight times as much in one run, so that a slow machine is slow for both. @module */
import process from "node:process";

/** What is measured. */
export interface GrowthTrial<T> {
  make(n: number): T;
  run(input: T): unknown;
  /** The largest n; an eighth of it is the other. */
  most: number;
}

/** Where a run takes less than this, it is too short to compare. */
const MEASURABLE_MS = 3;
/** How much more is given the second time: linear time grows by as much, quadratic by its square. */
const FACTOR = 8;
const MOST = 3 * FACTOR;
const ROUNDS = 4;
/** What a busy machine adds it adds to one attempt and not to the next; time that really grows too fast does so in each. */
const ATTEMPTS = 12;

/**
 * Time that the processor gave this thread, in milliseconds: that of the clock also tells what else the machine does, and that of
 * the process what other tests do, which run beside this one in threads of their own.
 */
function cpuMs(): number {
  try {
    return Number.parseInt(Deno.readTextFileSync("/proc/thread-self/schedstat")) / 1_000_000;
  } catch {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  }
}

function timeOf(work: () => unknown): number {
  const began = cpuMs();
  work();
  return cpuMs() - began;
}

/** The least of several runs: what is above it is other work of the machine. */
function leastOf(work: () => unknown, enoughMs: number): number {
  let least = Infinity;
  for (let round = 0; round < ROUNDS && least > enoughMs; round++) least = Math.min(least, timeOf(work));
  return least;
}

/** How many times longer eight times as much takes, in words, where that is more than it may; undefined where all is well. */
export async function measureGrowth<T>({ make, run, most }: GrowthTrial<T>): Promise<string | undefined> {
  const large = make(most);
  // Most is done in no time at all.
  if (leastOf(() => run(large), MEASURABLE_MS * FACTOR) < MEASURABLE_MS * FACTOR) return undefined;
  const n = Math.ceil(most / FACTOR);
  const small = make(n);
  let ratio = Infinity;
  let told = "";
  for (let attempt = 0; attempt < ATTEMPTS && ratio > MOST; attempt++) {
    // A pause lets the collector finish with what other trials left.
    if (attempt > 0) await new Promise((resolve) => setTimeout(resolve, 20));
    const short = Math.max(leastOf(() => run(small), 0), MEASURABLE_MS / FACTOR);
    const long = leastOf(() => run(large), short * MOST);
    ratio = Math.min(ratio, long / short);
    told = `${ratio.toFixed(1)} times as long (${short.toFixed(1)} ms for ${n}, ${
      long.toFixed(1)
    } ms for ${most})`;
  }
  return ratio > MOST ? told : undefined;
}
