/**
 * What of a daemon runs on this host while it is not there itself: looked for before a restore writes
 * anything. Like `daemon.ts` it knows the runners and the proxy as they are.
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

/** Whose it is, and where it may have run. */
export interface StillRunningOptions {
  daemonId: string;
  /** Where it is to be restored, then where else it was. */
  dataDirs: string[];
  /** Of the Docker Engine. */
  socket: string;
}

/** What was found, a phrase each: what it is, and where. Empty when nothing runs. */
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

/** A daemon that holds an id. */
export interface RunningDaemon {
  /** Its pid and its data directory; empty where that cannot be told. */
  holder: string;
}

/** The daemon that runs under an id on this host, by the lock that it holds; undefined when there is none. */
export function findRunningDaemon(daemonId: string): RunningDaemon | undefined {
  const path = join(lockDirectory(), encodeURIComponent(daemonId));
  return isLocked(path) ? { holder: Deno.readTextFileSync(path).trim() } : undefined;
}

async function describeContainers(
  { daemonId, socket }: { daemonId: string; socket: string },
): Promise<string[]> {
  // Where there is no socket there is no Engine that could be asked, now or by the daemon.
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
