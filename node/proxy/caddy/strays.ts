/**
 * Finds and ends stray Caddys: those that a daemon with this id started in another folder. They remain if a
 * data directory is moved away, or restored elsewhere, while Caddy runs. They keep the ports and answer with
 * old routes. Each has the daemon's id in its environment. Those of an earlier version are recognized by the
 * admin socket in their configuration.
 * @module
 */
import { RuneError } from "../../../model/error.ts";
import type { CaddyFiles } from "./config.ts";

/** The environment variable of Caddy with the id of its daemon. */
export const DAEMON_VARIABLE = "RUNE_DAEMON_ID";
/** How long a Caddy may take to end after SIGTERM, and after SIGKILL. */
const END_MS = 5_000;

/** A running Caddy that a daemon started. */
export interface RunningCaddy {
  pid: number;
  /** Its start time in ticks after boot. Together with the pid it identifies the process. */
  startTime: string;
  /** The current path of its folder. */
  dir: string;
  /** The id of its daemon; undefined if an earlier version started it. */
  daemonId?: string;
  /** The admin socket that it was started with. */
  adminSocket?: string;
}

const read = (path: string) => Deno.readTextFile(path).catch(() => "");

/** Field 22 of `/proc/<pid>/stat` (proc(5)); undefined for a process that has ended. */
async function startTimeOf(pid: number): Promise<string | undefined> {
  const stat = await read(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const mainEnded = fields[0] === "Z" || fields[0] === "X";
  // Other threads may still hold open files.
  return stat === "" || mainEnded && Number(fields[17]) <= 1 ? undefined : fields[19];
}

async function inspect(pid: number): Promise<RunningCaddy | undefined> {
  if (!(await read(`/proc/${pid}/cmdline`)).includes("\0run\0--config\0boot.json\0")) return undefined;
  // Only a process that may signal the daemon could pretend to belong to it.
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

/** Finds every Caddy on this host that a daemon of this user started. */
export async function findRunningCaddies(): Promise<RunningCaddy[]> {
  const names = (await Array.fromAsync(Deno.readDir("/proc"))).map(({ name }) => name);
  const found = await Promise.all(
    names.filter((name) => /^\d+$/.test(name)).map((pid) => inspect(Number(pid))),
  );
  return found.filter((caddy) => caddy !== undefined);
}

/** Finds the Caddys of a daemon that run outside its folder. */
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

/** Ends a Caddy with SIGTERM and then SIGKILL. @throws {RuneError} `unavailable` if it stays alive. */
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
