/** What `/proc` tells about processes: liveness, sessions, use of CPU and memory (proc(5)). @module */

/** One process, as `/proc/<pid>/stat` shows it. */
export interface ProcessStat {
  pid: number;
  /** One letter; `Z` and `X` are processes that ended. */
  state: string;
  group: number;
  session: number;
  /** CPU time used, in ticks of 1/100 s. */
  cpuTicks: number;
  /** Ticks after boot; with the pid and the boot id it names a process for good. */
  startTime: number;
}

/** Reads the text of a `stat` file. The command's name may hold anything, so fields count from the last `)`. */
export function parseStat(text: string): ProcessStat {
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const at = (field: number) => Number(fields[field - 3]);
  return {
    pid: Number.parseInt(text),
    state: fields[0]!,
    group: at(5),
    session: at(6),
    cpuTicks: at(14) + at(15),
    startTime: at(22),
  };
}

/** A process that has not ended, or undefined. Zombies have ended. */
export function readProcess(pid: number): ProcessStat | undefined {
  try {
    const stat = parseStat(Deno.readTextFileSync(`/proc/${pid}/stat`));
    return stat.state === "Z" || stat.state === "X" ? undefined : stat;
  } catch {
    return undefined;
  }
}

/** Every living process of a session. Reads all of `/proc`: about 20 µs a process of the host. */
export function sessionMembers(session: number): ProcessStat[] {
  const found: ProcessStat[] = [];
  for (const entry of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(entry.name)) continue;
    const stat = readProcess(Number(entry.name));
    if (stat?.session === session) found.push(stat);
  }
  return found;
}

/** Resident memory of a process in bytes; 0 when it is gone. */
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

/** Sends a signal to a process, or with a negative pid to a group; one that is gone is no error. */
export function sendSignal(pid: number, signal: Deno.Signal): void {
  try {
    Deno.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound) && !(error instanceof TypeError)) throw error;
  }
}
