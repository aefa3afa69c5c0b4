/**
 * Where a process service may have mounts of its own: a list of what is allowed, never of what is forbidden. The rest of the
 * host stays as it is in every view, so that programs, libraries and configuration of the host mean the same to all. Containers
 * have a filesystem of their own and another rule (`mounts.ts`).
 * @module
 */
import type { Occupancy } from "../base/occupied.ts";

/** Directories for data: a mount may be at them or below, and is made there. */
const AT_OR_BELOW = ["/data", "/media", "/mnt", "/opt", "/srv", "/tmp", "/var/tmp", "/var/www"];
/** Directories in which every program has one of its own: a mount may be below them, and is made in one without files. */
const BELOW = ["/var/cache", "/var/lib", "/var/log", "/var/opt", "/var/spool"];
/**
 * Directories in which a mount may be at or below a directory that is there and holds no file. Nothing is ever made here: to the
 * host's programs the mere name may say something, as `/etc/nologin` and `/run/nologin` do.
 */
const OWN_DIRECTORY_IN = ["/", "/etc", "/run"];

/** What is allowed, in words. */
export const ALLOWED_MOUNT_POINTS = `at or below ${AT_OR_BELOW.join(", ")}; below ${
  BELOW.join(", ")
}; or in a directory of ${OWN_DIRECTORY_IN.join(" or ")} that is there and holds no file`;

/** What a mount point is judged by. */
export interface MountPointRules {
  /** The daemon's own directories: nothing may cover them, be one of them, or lie inside. */
  closed: readonly string[];
  /** What the host has at a path. */
  occupancyOf(directory: string): Occupancy;
}

const isInside = (inner: string, outer: string) =>
  `${inner}/`.startsWith(outer === "/" ? outer : `${outer}/`);

/**
 * Judges where a process service wants a mount.
 *
 * @param path absolute and without `.` and `..`.
 * @param options.inPlace the mount shows the directory that is there anyway.
 * @returns why it may not be there, or undefined.
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
 * Whether the directory of a mount that may be there may also be made, where the host has none.
 *
 * @param path as {@linkcode judgeMountPoint} was given it.
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
