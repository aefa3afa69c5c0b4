/**
 * Finds what still runs of a daemon on this host, before a restore writes anything. Like `daemon.ts` it knows
 * the concrete runners and the proxy.
 * @module
 */
import { join } from "node:path";
import { isLocked } from "../../base/file_lock.ts";
import { findStrayCaddies } from "../../node/proxy/caddy/strays.ts";
import { caddyFiles } from "../../node/proxy/caddy/config.ts";
import { listRunningContainers } from "../../runners/docker/running_containers.ts";
import { listRunningGroups } from "../../runners/process/running_groups.ts";
import { toRuneError } from "../../model/error.ts";
import { lockDirectory } from "../identity/daemon_lock.ts";

/** How long the Engine may take to answer. */
const ASK_MS = 10_000;

/** The daemon to look for, and where it may have run. */
export interface StillRunningOptions {
  daemonId: string;
  /** The directory to restore into, and then other directories that it has used. */
  dataDirs: string[];
  /** The socket of the Docker Engine. */
  socket: string;
}

/**
 * Finds what still runs.
 * @returns one phrase for each, which says what it is and where; empty if nothing runs.
 */
export async function findStillRunning(
  { daemonId, dataDirs, socket }: StillRunningOptions,
): Promise<string[]> {
  const [containers, caddies] = await Promise.all([
    describeContainers({ daemonId, socket }),
    findStrayCaddies({ daemonId, files: caddyFiles(join(dataDirs[0]!, "proxy")) }),
  ]);
  const processes = listRunningGroups({ daemonId, dataDirs })
    .map(({ name, pids }) => `the processes of run ${name} (pid ${pids.join(", ") || "unknown"})`);
  const proxies = caddies.map(({ pid, dir }) => `its Caddy (pid ${pid}, in ${dir})`);
  return [...containers, ...processes, ...proxies];
}

/** A running daemon. */
export interface RunningDaemon {
  /** Its pid and its data directory; empty if unknown. */
  holder: string;
}

/** Finds the daemon that holds the lock of an id on this host; undefined if there is none. */
export function findRunningDaemon(daemonId: string): RunningDaemon | undefined {
  const path = join(lockDirectory(), encodeURIComponent(daemonId));
  return isLocked(path) ? { holder: Deno.readTextFileSync(path).trim() } : undefined;
}

async function describeContainers(
  { daemonId, socket }: { daemonId: string; socket: string },
): Promise<string[]> {
  // Without a socket there is no Engine to ask, neither now nor for the daemon.
  if (!await Deno.stat(socket).then(() => true, () => false)) return [];
  try {
    const found = await listRunningContainers({ socket, daemonId, signal: AbortSignal.timeout(ASK_MS) });
    return found.map(({ name, instance, mounts }) =>
      `container ${name} of ${instance}${mounts.length === 0 ? "" : ` with ${mounts.join(", ")}`}`
    );
  } catch (error) {
    return [
      `perhaps containers: the Docker Engine behind ${socket} does not answer (${
        toRuneError(error).message
      })`,
    ];
  }
}
