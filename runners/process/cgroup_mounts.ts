/** Finds the control group hierarchies of this host (cgroups(7)). @module */

/** Mount points of the hierarchies. A field is absent if the host has no writable one. */
export interface CgroupMounts {
  unified?: string;
  cpu?: string;
  memory?: string;
  freezer?: string;
  pids?: string;
}

const CONTROLLERS = ["cpu", "memory", "freezer", "pids"] as const;

/** Finds the hierarchies in the text of `/proc/self/mounts`. */
export function parseCgroupMounts(text: string): CgroupMounts {
  const mounts: CgroupMounts = {};
  for (const line of text.split("\n")) {
    const [, at, type, options = ""] = line.split(" ");
    if (type === "cgroup2") mounts.unified ??= at;
    if (type !== "cgroup") continue;
    for (const controller of CONTROLLERS) {
      if (options.split(",").includes(controller)) mounts[controller] ??= at;
    }
  }
  return mounts;
}

/** The hierarchies of this host in which groups can be created; none for an ordinary user. */
export function findCgroupMounts(): CgroupMounts {
  if (Deno.uid() !== 0) return {};
  const mounts = parseCgroupMounts(Deno.readTextFileSync("/proc/self/mounts"));
  for (const key of Object.keys(mounts) as (keyof CgroupMounts)[]) {
    try {
      Deno.mkdirSync(`${mounts[key]}/rune`, { recursive: true });
      // The kernel creates this file, unless something else is mounted over the hierarchy.
      Deno.statSync(`${mounts[key]}/rune/cgroup.procs`);
    } catch {
      delete mounts[key];
    }
  }
  return mounts;
}
