/**
 * Caddys that a daemon of this id started in another folder: its data directory was moved away, or restored
 * elsewhere, while its Caddy lived on. They hold the ports and go on answering with what is old. Each carries
 * the daemon's id in its environment; one that an earlier version started is known by the administration
 * socket that its configuration names.
 * @module
 */
import { RuneError } from "../../../model/error.ts";
import type { CaddyFiles } from "./config.ts";

/** Variable of Caddy's environment with the id of the daemon that it is of. */
export const DAEMON_VARIABLE = "RUNE_DAEMON_ID";
/** How long one may take to end before it is killed, and then to be gone. */
const END_MS = 5_000;

/** A Caddy that some daemon started. */
export interface RunningCaddy {
  pid: number;
  /** Ticks after boot: with the pid, it is never another process. */
  startTime: string;
  /** The folder that it runs in, as it is called now. */
  dir: string;
  /** Undefined for one of an earlier version. */
  daemonId?: string;
  /** The administration socket that it was started with. */
  adminSocket?: string;
}

const read = (path: string) => Deno.readTextFile(path).catch(() => "");

/** Field 22 of `/proc/<pid>/stat` (proc(5)); undefined for a process that has ended. */
async function startTimeOf(pid: number): Promise<string | undefined> {
  const stat = await read(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const mainEnded = fields[0] === "Z" || fields[0] === "X";
  // Its other threads may still hold what it had open.
  return stat === "" || mainEnded && Number(fields[17]) <= 1 ? undefined : fields[19];
}

async function inspect(pid: number): Promise<RunningCaddy | undefined> {
  if (!(await read(`/proc/${pid}/cmdline`)).includes("\0run\0--config\0boot.json\0")) return undefined;
  // Whoever may signal the daemon may pretend to be of it; nobody else.
  const owner = await Deno.stat(`/proc/${pid}`).catch(() => undefined);
  if (owner?.uid !== Deno.uid()) return undefined;
  const startTime = await startTimeOf(pid);
  const dir = await Deno.readLink(`/proc/${pid}/cwd`).catch(() => undefined);
  if (startTime === undefined || dir === undefined) return undefined;
  const environment = (await read(`/proc/${pid}/environ`)).split("\0");
  const daemonId = environment.find((line) => line.startsWith(`${DAEMON_VARIABLE}=`))
    ?.slice(DAEMON_VARIABLE.length + 1);
  const adminSocket = /"listen":"unix\/([^"]+)"/.exec(await read(`/proc/${pid}/cwd/boot.json`))?.[1];
  return {
    pid,
    startTime,
    dir,
    ...(daemonId !== undefined && { daemonId }),
    ...(adminSocket !== undefined && { adminSocket }),
  };
}

/** Every Caddy on this host that a daemon of this user started. */
export async function findRunningCaddies(): Promise<RunningCaddy[]> {
  const names = (await Array.fromAsync(Deno.readDir("/proc"))).map(({ name }) => name);
  const found = await Promise.all(
    names.filter((name) => /^\d+$/.test(name)).map((pid) => inspect(Number(pid))),
  );
  return found.filter((caddy) => caddy !== undefined);
}

/** The Caddys of a daemon that run outside of its folder. */
export async function findStrayCaddies(
  { daemonId, files }: { daemonId: string; files: CaddyFiles },
): Promise<RunningCaddy[]> {
  const own = await Deno.realPath(files.dir).catch(() => files.dir);
  return (await findRunningCaddies()).filter((caddy) =>
    caddy.dir !== own &&
    (caddy.daemonId === undefined ? caddy.adminSocket === files.adminSocket : caddy.daemonId === daemonId)
  );
}

async function awaitEnd({ pid, startTime }: RunningCaddy): Promise<boolean> {
  const deadline = performance.now() + END_MS;
  while (await startTimeOf(pid) === startTime) {
    if (performance.now() > deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return true;
}

async function signalIfThere({ pid, startTime }: RunningCaddy, signal: Deno.Signal): Promise<void> {
  if (await startTimeOf(pid) !== startTime) return;
  try {
    Deno.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/**
 * Ends a Caddy: SIGTERM, SIGKILL when that does not help.
 * @throws {RuneError} `unavailable` when it lives on.
 */
export async function endStrayCaddy(caddy: RunningCaddy): Promise<void> {
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    await signalIfThere(caddy, signal);
    if (await awaitEnd(caddy)) return;
  }
  throw new RuneError(
    "unavailable",
    `a Caddy of this daemon (pid ${caddy.pid}, in ${caddy.dir}) cannot be ended`,
    {
      hint: "find out what it waits for, and end it",
    },
  );
}
