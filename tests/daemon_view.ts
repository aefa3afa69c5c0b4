/**
 * A view of mounts in which the daemons of a test run, one after the other: hosts that lack something, on a host that has it.
 * @module
 */
import { until } from "./host.ts";

/** A view that lives until it is disposed of. */
export interface DaemonView extends AsyncDisposable {
  /** The command that executes another one in the view. */
  prefix: string[];
  /** A process that has the view. */
  pid: number;
}

/**
 * Takes away every hierarchy of version 2, and makes sure that the freezer of version 1 is there, as on hosts that have
 * version 1 alone.
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

/** Makes a view. @param script what is done in it first, by a shell of root. */
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
