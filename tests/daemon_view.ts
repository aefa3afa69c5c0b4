/**
 * Mount namespaces for the daemons of a test: they hide features from a host that has them.
 * @module
 */
import { denoDir, RUNE } from "../scripts/daemon.ts";
import { ROOT } from "../scripts/tree.ts";
import { until } from "./host.ts";

/** A view that exists until it is disposed of. */
export interface DaemonView extends AsyncDisposable {
  /** A command prefix that executes a command in the view. */
  prefix: string[];
  /** A process in the view. */
  pid: number;
}

/**
 * Hides every version 2 hierarchy and makes sure that the freezer of version 1 exists, as on hosts with only
 * version 1.
 */
export const WITHOUT_VERSION_2 = `
mount --make-rprivate /sys/fs/cgroup
while read -r _ at type _; do
  if [ "$type" = cgroup2 ]; then umount "$at" 2>/dev/null || mount -t tmpfs none "$at" || exit 1; fi
done < /proc/self/mounts
if ! grep -qE '^\\S+ \\S+ cgroup \\S*\\bfreezer\\b' /proc/self/mounts; then
  mount -t tmpfs none /sys/fs/cgroup && mkdir /sys/fs/cgroup/freezer &&
  mount -t cgroup -o freezer none /sys/fs/cgroup/freezer || exit 1
fi`;

/** Creates a view. @param script prepares it first, in a root shell. */
export async function openDaemonView(script: string, args: string[] = []): Promise<DaemonView> {
  const said = await Deno.makeTempFile({ prefix: "rune-test-view-" });
  const child = new Deno.Command("unshare", {
    args: [
      "--mount",
      "--propagation",
      "private",
      "sh",
      "-c",
      `said=$1; shift; ${script}\necho there > "$said"; read -r _`,
      "sh",
      said,
      ...args,
    ],
    stdin: "piped",
  }).spawn();
  const close = async () => {
    await child.stdin.close();
    await child.status;
    await Deno.remove(said);
  };
  try {
    await until("the view is there", async () => await Deno.readTextFile(said) !== "");
  } catch (error) {
    await close();
    throw error;
  }
  return {
    prefix: ["nsenter", `--mount=/proc/${child.pid}/ns/mnt`],
    pid: child.pid,
    [Symbol.asyncDispose]: close,
  };
}

/** Options of a host whose daemon belongs to an ordinary user. */
export interface OrdinaryUser extends AsyncDisposable {
  owner: { uid: number; gid: number };
  /** Options of the host. */
  host: { prefix: string[]; program: string[]; env: Record<string, string> };
  view: DaemonView;
}

/** Makes the program, its source and its cache readable for everybody: root's home is closed. */
const READABLE =
  'touch "$1/deno" && mkdir "$1/cache" "$1/src" && mount --bind "$2" "$1/deno" && mount --bind "$3" "$1/cache" && mount --bind "$4" "$1/src" || exit 1';

/**
 * Creates an ordinary user of this host, without an account and without privileges. @param script also
 * prepares its view.
 */
export async function becomeOrdinaryUser(script = ":"): Promise<OrdinaryUser> {
  const uid = 50_000 + Math.floor(Math.random() * 10_000);
  const at = await Deno.makeTempDir({ prefix: "rune-test-program-" });
  await Deno.chmod(at, 0o755);
  const view = await openDaemonView(`${READABLE}\n${script}`, [at, Deno.execPath(), await denoDir(), ROOT]);
  const [, ...flags] = RUNE.slice(0, -1);
  return {
    owner: { uid, gid: uid },
    host: {
      prefix: [...view.prefix, "setpriv", "--reuid", `${uid}`, "--regid", `${uid}`, "--clear-groups", "--"],
      program: [`${at}/deno`, ...flags, `${at}/src/main.ts`],
      env: { DENO_DIR: `${at}/cache` },
    },
    view,
    async [Symbol.asyncDispose]() {
      await view[Symbol.asyncDispose]();
      await Deno.remove(at, { recursive: true });
    },
  };
}
