/** Reads processes from `/proc`: liveness, sessions, CPU and memory usage (proc(5)). @module */

/** One process, as `/proc/<pid>/stat` shows it. */
export interface ProcessStat {
  pid: number;
  /** One letter; `Z` and `X` are processes whose main thread has ended. */
  state: string;
  parent: number;
  group: number;
  session: number;
  /** CPU time used, in ticks of 1/100 s. */
  cpuTicks: number;
  /** Threads that have not ended, plus the main thread even if it has ended. */
  threads: number;
  /** Ticks after boot. With the pid and the boot id it identifies a process permanently. */
  startTime: number;
}

/**
 * Reads the text of a `stat` file. The command's name may hold anything, so fields count from the last `)`.
 */
export function parseStat(text: string): ProcessStat {
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const at = (field: number) => Number(fields[field - 3]);
  return {
    pid: Number.parseInt(text),
    state: fields[0]!,
    parent: at(4),
    group: at(5),
    session: at(6),
    cpuTicks: at(14) + at(15),
    threads: at(20),
    startTime: at(22),
  };
}

/** Whether a process has ended. Other threads may outlive its main thread. */
export function hasEnded({ state, threads }: ProcessStat): boolean {
  return (state === "Z" || state === "X") && threads <= 1;
}

/** Reads a process that has not ended. Zombies have ended, unless threads outlive the main one. */
export function readProcess(pid: number): ProcessStat | undefined {
  try {
    const stat = parseStat(Deno.readTextFileSync(`/proc/${pid}/stat`));
    return hasEnded(stat) ? undefined : stat;
  } catch {
    return undefined;
  }
}

/** Identifies a process permanently, within one boot. */
export type ProcessIdentity = Pick<ProcessStat, "pid" | "startTime">;

/**
 * Reads the process that was seen before, if it has not ended. Never returns another one with the same pid.
 */
export function readSame({ pid, startTime }: ProcessIdentity): ProcessStat | undefined {
  const stat = readProcess(pid);
  return stat?.startTime === startTime ? stat : undefined;
}

/** Whether a process is one of these or their descendant. */
export function descendsFrom(process: ProcessStat, pids: ReadonlySet<number>): boolean {
  for (let at: ProcessStat | undefined = process; at && at.pid > 1; at = readProcess(at.parent)) {
    if (pids.has(at.pid) || pids.has(at.session)) return true;
  }
  return false;
}

/** Lists every living process of the host. About 20 µs each. */
export function readAllProcesses(): ProcessStat[] {
  return [...Deno.readDirSync("/proc")].filter(({ name }) => /^\d+$/.test(name))
    .map(({ name }) => readProcess(Number(name))).filter((stat) => stat !== undefined);
}

/** The pids of a process's descendants. */
export function startedBy(pid: number): number[] {
  const one = new Set([pid]);
  return readAllProcesses().filter((stat) => descendsFrom(stat, one)).map((stat) => stat.pid);
}

/** Every living process of a session. */
export function sessionMembers(session: number): ProcessStat[] {
  return readAllProcesses().filter((stat) => stat.session === session);
}

/** Resident memory of a process in bytes; 0 if it has ended. */
export function residentBytes(pid: number): number {
  try {
    const match = /^VmRSS:\s+(\d+) kB/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`));
    return Number(match?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/** The id of this boot of the host. */
export function readBootId(): string {
  return Deno.readTextFileSync("/proc/sys/kernel/random/boot_id").trim();
}

/** Sends a signal to a process that was seen before, never to another one with the same pid. */
export function signalSame(process: ProcessIdentity, signal: Deno.Signal): void {
  if (readSame(process)) sendSignal(process.pid, signal);
}

/** Sends a signal to a process, or with a negative pid to a group. Ignores one that has ended. */
export function sendSignal(pid: number, signal: Deno.Signal): void {
  try {
    Deno.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound) && !(error instanceof TypeError)) throw error;
  }
}
