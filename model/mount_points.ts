/**
 * Where a process service may mount something: an allow list. The rest of the host looks the same in every
 * view, so that programs, libraries and configuration mean the same to all processes. Containers have a
 * filesystem of their own and a different rule (`mounts.ts`).
 * @module
 */
import type { Occupancy } from "../base/occupied.ts";

/** Data directories: a mount may be at one or below it, and Rune creates the mount point. */
const AT_OR_BELOW = ["/data", "/media", "/mnt", "/opt", "/srv", "/tmp", "/var/tmp", "/var/www"];
/**
 * Directories in which each program has one of its own: a mount may be below them, and Rune creates the mount
 * point if the directory around it holds no files.
 */
const BELOW = ["/var/cache", "/var/lib", "/var/log", "/var/opt", "/var/spool"];
/**
 * Directories in which a mount may only be at or below an existing directory without files. Rune never
 * creates anything here: a mere name may mean something to the host's programs, as `/etc/nologin` and
 * `/run/nologin` do.
 */
const OWN_DIRECTORY_IN = ["/", "/etc", "/run"];

/** The rules in words. */
export const ALLOWED_MOUNT_POINTS = `at or below ${AT_OR_BELOW.join(", ")}; below ${
  BELOW.join(", ")
}; or in a directory of ${OWN_DIRECTORY_IN.join(" or ")} that is there and holds no file`;

/** The facts that decide where a mount is allowed. */
export interface MountPointRules {
  /** The daemon's own directories. No mount may cover them, be one of them, or lie inside. */
  closed: readonly string[];
  /** What exists on the host at a path. */
  occupancyOf(directory: string): Occupancy;
}

const isInside = (inner: string, outer: string) =>
  `${inner}/`.startsWith(outer === "/" ? outer : `${outer}/`);

/**
 * Decides whether a process service may mount something at a path.
 *
 * @param path absolute, without `.` and `..`.
 * @param options.inPlace the mount shows the directory that is already there.
 * @returns why the mount is not allowed, or undefined.
 */
export function judgeMountPoint(
  path: string,
  { closed, occupancyOf, inPlace = false }: MountPointRules & { inPlace?: boolean },
): string | undefined {
  const own = closed.find((directory) => isInside(path, directory) || isInside(directory, path));
  if (own !== undefined) return `${path} is, contains or lies inside ${own}, which is the daemon's own`;
  if (inPlace || AT_OR_BELOW.some((root) => isInside(path, root))) return undefined;
  if (BELOW.some((root) => path !== root && isInside(path, root))) return undefined;
  const parts = path.split("/");
  for (const root of OWN_DIRECTORY_IN) {
    if (path === root || !isInside(path, root)) continue;
    const depth = root === "/" ? 2 : 3;
    if (occupancyOf(parts.slice(0, depth).join("/")) === "free") return undefined;
  }
  return `a process service cannot mount anything at ${path}`;
}

/**
 * Whether Rune may create the mount point of an allowed mount.
 *
 * @param path as passed to {@linkcode judgeMountPoint}.
 */
export function mayMakeMountPoint(
  path: string,
  { occupancyOf }: Pick<MountPointRules, "occupancyOf">,
): boolean {
  if (AT_OR_BELOW.some((root) => isInside(path, root))) return true;
  const root = BELOW.find((directory) => isInside(path, directory));
  if (root === undefined) return false;
  const own = path.slice(root.length + 1).split("/")[0]!;
  return occupancyOf(`${root}/${own}`) !== "occupied";
}
