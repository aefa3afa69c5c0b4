/**
 * Replaces the control group if the daemon is an ordinary user: a namespace of process ids in the run's own
 * namespace of users (pid_namespaces(7), user_namespaces(7)). The wrapper is its first process. No process
 * can leave it, even by forking or daemonizing. When the first process ends, the kernel ends all others
 * before it notifies anybody. So the run has ended when its wrapper has.
 *
 * Inside, `/proc` shows only the run's processes. Descriptor 7 keeps the host's `/proc`, in which the wrapper
 * finds its pid on the host.
 * @module
 */
import { HELPER_ENVIRONMENT } from "./environment.ts";
import { type ProcessIdentity, type ProcessStat, readAllProcesses } from "./proc.ts";

const UNSHARE = [
  "unshare",
  "--user",
  "--map-current-user",
  "--mount",
  "--mount-proc",
  "--pid",
  "--fork",
  "--kill-child",
  "--",
];

/** The command that executes another one as the first process of a new namespace. */
export function namespaceCommand(command: string[]): string[] {
  return ["/bin/sh", "-c", 'exec "$@" 7</proc', "rune-namespace", ...UNSHARE, ...command];
}

/**
 * Whether this host lets an ordinary user create such a namespace. It tries, because the kernel, its settings
 * and its modules can all refuse.
 */
export function canMakeNamespaces(): boolean {
  const script = '[ "$$" = 1 ] && read -r stat </proc/self/fd/7/self/stat && [ "${stat%% *}" != 1 ]';
  const [program, ...args] = namespaceCommand(["/bin/sh", "-c", script]);
  try {
    return new Deno.Command(program!, {
      args,
      env: HELPER_ENVIRONMENT,
      clearEnv: true,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).outputSync().success;
  } catch {
    return false;
  }
}

/** The command that executes another one in the namespaces of the run with this leader. */
export function enterCommand({ pid }: ProcessIdentity): string[] {
  const [user, pids, mounts] = ["user", "pid", "mnt"].map((name) => `/proc/${pid}/ns/${name}`);
  return ["nsenter", `--user=${user}`, "--preserve-credentials", `--pid=${pids}`, `--mount=${mounts}`, "--"];
}

/** The processes of a namespace: the descendants of its first process, and those that entered it. */
export function namespaceMembers(leader: ProcessStat): ProcessStat[] {
  const [host, namespace] = [readNamespace(Deno.pid), readNamespace(leader.pid)];
  const all = readAllProcesses().map((stat) => ({ ...stat, namespace: readNamespace(stat.pid) }))
    .filter((stat) => stat.namespace === undefined || stat.namespace !== host);
  const entered = all.filter((stat) => namespace !== undefined && stat.namespace === namespace);
  const inside = new Set([leader.pid, ...entered.map(({ pid }) => pid)]);
  // Orphans become children of the first process, so each has a path up to it. A parent may be listed after
  // its child.
  for (let before = 0; before < inside.size;) {
    before = inside.size;
    for (const { pid, parent } of all) if (inside.has(parent)) inside.add(pid);
  }
  return all.filter(({ pid }) => inside.has(pid));
}

/** Undefined if the process is another user's, or has ended. */
function readNamespace(pid: number): string | undefined {
  try {
    return Deno.readLinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    return undefined;
  }
}
