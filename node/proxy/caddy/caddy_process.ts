/**
 * Starts, finds and ends the Caddy process of one folder. The process is detached and outlives the daemon. A
 * file lock that Caddy holds while it lives ensures that there is only one: two would share their ports
 * without an error, since Caddy listens with SO_REUSEPORT.
 * @module
 */
import { replaceFile } from "../../../base/durable.ts";
import { isLocked } from "../../../base/file_lock.ts";
import { RuneError } from "../../../model/error.ts";
import { bootConfig, type CaddyFiles } from "./config.ts";
import { DAEMON_VARIABLE, findRunningCaddies } from "./strays.ts";

const SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/** How long Caddy may take to end before it is killed. */
const STOP_MS = 5_000;
const LOCK_HELD = 75;

/** A shell that starts Caddy as its child, which inherits the lock. The shell ends at once. */
const START = `umask 077
cd "$1" || exit 1
exec 9>>lock
flock --nonblock 9 || exit ${LOCK_HELD}
setsid "$2" run --config boot.json >start.log 2>&1 </dev/null &
`;

const lockPath = ({ dir }: CaddyFiles) => `${dir}/lock`;
const bootPath = ({ dir }: CaddyFiles) => `${dir}/boot.json`;

/**
 * Finds the program: `path` if it is given, otherwise the first `caddy` in the system's folders.
 *
 * @throws {RuneError} `failed_precondition` that says what to install.
 */
export async function findCaddy(path?: string, folders = SYSTEM_PATH): Promise<string> {
  const candidates = path === undefined ? folders.split(":").map((dir) => `${dir}/caddy`) : [path];
  for (const candidate of candidates) {
    const info = await Deno.stat(candidate).catch(() => undefined);
    if (info?.isFile && ((info.mode ?? 0) & 0o111) !== 0) return candidate;
  }
  const what = path === undefined ? "Caddy is not installed" : `there is no program ${path}`;
  throw new RuneError("failed_precondition", `${what}, but host names need it`, {
    hint: path === undefined
      ? "install it (Debian: apt-get install caddy); Rune starts it by itself"
      : "correct expose.caddy in the runefile, or install Caddy there",
  });
}

/** Whether the Caddy of this folder is alive. */
export const isAlive = (files: CaddyFiles): boolean => isLocked(lockPath(files));

/**
 * Starts Caddy with a configuration, by default one that serves nothing. Returns when the process exists,
 * before it answers. Does nothing if one is alive.
 *
 * @throws {RuneError} `unavailable` if it cannot be started.
 */
export async function spawnCaddy(
  program: string,
  files: CaddyFiles,
  { daemonId, config = bootConfig(files) }: { daemonId?: string; config?: unknown } = {},
): Promise<void> {
  await Deno.mkdir(files.dir, { recursive: true, mode: 0o700 });
  // A unique name, since several processes may start Caddy at once.
  const aside = `${bootPath(files)}.${crypto.randomUUID().slice(0, 8)}`;
  await replaceFile(bootPath(files), JSON.stringify(config), { aside });
  const { code, stderr } = await new Deno.Command("/bin/sh", {
    args: ["-c", START, "sh", files.dir, program],
    clearEnv: true,
    // Caddy needs no home directory: everything that it writes is in the folder.
    env: {
      PATH: SYSTEM_PATH,
      HOME: files.dir,
      XDG_DATA_HOME: files.dir,
      XDG_CONFIG_HOME: files.dir,
      ...(daemonId !== undefined && { [DAEMON_VARIABLE]: daemonId }),
    },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (code === 0 || code === LOCK_HELD) return;
  const reason = new TextDecoder().decode(stderr).trim().split("\n")[0];
  throw new RuneError("unavailable", `Caddy cannot be started: ${reason || `exit code ${code}`}`, {
    hint:
      "the programs sh, flock and setsid (util-linux) are needed, and a data directory that can be written",
  });
}

/** The last line of output of a Caddy that did not come up. */
export async function lastWords(files: CaddyFiles): Promise<string> {
  const output = await Deno.readTextFile(`${files.dir}/start.log`).catch(() => "");
  return output.trim().split("\n").at(-1) || "it said nothing";
}

/** The pids of the Caddy that runs with this folder's configuration. */
async function findPids(files: CaddyFiles): Promise<number[]> {
  const dir = await Deno.realPath(files.dir);
  return (await findRunningCaddies()).filter((caddy) => caddy.dir === dir).map(({ pid }) => pid);
}

/** Waits until no Caddy of the folder is alive. @returns false after a timeout. */
async function awaitEnd(files: CaddyFiles, ms: number): Promise<boolean> {
  const deadline = performance.now() + ms;
  while (isAlive(files)) {
    if (performance.now() > deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return true;
}

/**
 * Ends the Caddy of the folder: first with `ask`, then with SIGKILL.
 *
 * @throws {RuneError} `unavailable` if it stays alive.
 */
export async function endCaddy(files: CaddyFiles, ask?: () => Promise<void>): Promise<void> {
  if (!isAlive(files)) return;
  if (ask) {
    await ask();
    if (await awaitEnd(files, STOP_MS)) return;
  }
  for (const pid of await findPids(files)) {
    try {
      Deno.kill(pid, "SIGKILL");
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  if (await awaitEnd(files, STOP_MS)) return;
  throw new RuneError("unavailable", "a Caddy that does not answer cannot be ended", {
    hint: `find what holds ${lockPath(files)} (fuser ${lockPath(files)}) and end it`,
  });
}
