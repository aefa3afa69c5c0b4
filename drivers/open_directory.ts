/**
 * Directories opened component by component without following a symbolic link, as openat2(2) does with
 * RESOLVE_NO_SYMLINKS, and where they are: what is judged is the thing that is open, never its name. See
 * docs/decisions/0017.
 * @module
 */
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join, relative } from "node:path";
import { type MountEntry, parseMountInfo } from "./host.ts";
import { errnoOf } from "./host_error.ts";

const DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/** A symbolic link, or a file, where a directory was to be opened. */
export class NotADirectory extends Error {
  /**
   * @param at its path.
   * @param leadsTo the link's own text; absent for what is no link.
   */
  constructor(readonly at: string, readonly leadsTo: string | undefined) {
    super(leadsTo === undefined ? `${at} is not a directory` : `${at} is a symbolic link to ${leadsTo}`);
  }
}

/** The path under which a command of the host finds what is open here; valid while it is. */
export function descriptorPath(handle: FileHandle): string {
  return `/proc/${Deno.pid}/fd/${handle.fd}`;
}

/** The absolute path of an open directory now. */
export async function pathOf(handle: FileHandle): Promise<string> {
  return await Deno.readLink(descriptorPath(handle));
}

/**
 * Opens an absolute, normal path; not even its first component may be a link.
 *
 * @throws {NotADirectory} for a link or a file on the way; the system's error (`ENOENT`) for what is missing.
 */
export async function openDirectory(path: string): Promise<FileHandle> {
  const root = await open("/", DIRECTORY);
  try {
    return await openBelow(root, path.split("/").filter((part) => part !== ""));
  } finally {
    await root.close();
  }
}

/**
 * Opens a directory below one that is open, which stays open, or that has a path, which may lead through
 * links.
 *
 * @param parts names, none of them empty, `.` or `..`.
 * @param enter how one is entered; may make it.
 * @throws as {@linkcode openDirectory}.
 */
export async function openBelow(
  parent: FileHandle | { path: string },
  parts: string[],
  enter: (parent: FileHandle, part: string) => Promise<FileHandle> = enterDirectory,
): Promise<FileHandle> {
  const at = "path" in parent ? parent.path : `${descriptorPath(parent)}/.`;
  let directory = await open(at, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    for (const part of parts) {
      const next = await enter(directory, part);
      await directory.close();
      directory = next;
    }
    return directory;
  } catch (error) {
    await directory.close();
    throw error;
  }
}

/** Opens one directory in another. @throws as {@linkcode openDirectory}. */
export async function enterDirectory(parent: FileHandle, part: string): Promise<FileHandle> {
  const path = `${descriptorPath(parent)}/${part}`;
  try {
    return await open(path, DIRECTORY);
  } catch (error) {
    if (errnoOf(error) !== "ENOTDIR" && errnoOf(error) !== "ELOOP") throw error;
    const leadsTo = await Deno.readLink(path).catch(() => undefined);
    throw new NotADirectory(join(await pathOf(parent), part), leadsTo);
  }
}

/** Where a directory is: under whichever name, bind mount or link it was reached. */
export interface Whereabouts {
  /** Its path in this host's view. */
  path: string;
  /**
   * Device, inode and birth of itself and of what it lies in, up to `/`: an inode number is used again, a
   * birth is not.
   */
  chain: string[];
  /** The device of its filesystem, and its path in that: the same for all bind mounts of one directory. */
  filesystem: string;
  inFilesystem: string;
}

/** What a directory is, as one word: no two have the same. */
export async function identityOf(path: string): Promise<string> {
  const { dev, ino, birthtime } = await Deno.stat(path);
  return `${dev}-${ino}-${birthtime?.getTime() ?? 0}`;
}

/** The path of a directory, open or with a path, and the mount that shows it. */
export async function mountOf(
  directory: FileHandle | string,
): Promise<{ path: string; mount: MountEntry | undefined }> {
  const open = typeof directory !== "string";
  const path = open ? await pathOf(directory) : await Deno.realPath(directory);
  const mounts = parseMountInfo(await Deno.readTextFile("/proc/self/mountinfo"));
  const id = open &&
    /^mnt_id:\s*(\d+)/m.exec(await Deno.readTextFile(`/proc/self/fdinfo/${directory.fd}`))?.[1];
  // Without a descriptor: the mount that comes last among those that reach furthest.
  const mount = id ? mounts.find((m) => m.id === id) : mounts.filter((m) => isWithin(path, m.mountPoint))
    .sort((a, b) => a.mountPoint.length - b.mountPoint.length).at(-1);
  return { path, mount };
}

/** Where an open directory is, or one with a path. */
export async function whereIs(directory: FileHandle | string): Promise<Whereabouts> {
  const open = typeof directory !== "string";
  const path = open ? await pathOf(directory) : await Deno.realPath(directory);
  const base = open ? descriptorPath(directory) : path;
  const chain: string[] = [];
  for (let at = `${base}/.`;; at += "/..") {
    const identity = await identityOf(at);
    if (identity === chain.at(-1)) break;
    chain.push(identity);
  }
  const { mount } = await mountOf(directory);
  return {
    path,
    chain,
    filesystem: mount?.device ?? "",
    inFilesystem: mount ? join(mount.root, relative(mount.mountPoint, path)) : path,
  };
}

/** Whether `path` is `root` or lies below it; both absolute and normal. */
export function isWithin(path: string, root: string): boolean {
  return path === root || path.startsWith(root === "/" ? "/" : `${root}/`);
}

/**
 * How one directory lies to another: the same, inside it, or around it; undefined when neither holds the
 * other.
 */
export function relate(one: Whereabouts, other: Whereabouts): "same" | "inside" | "around" | undefined {
  if (one.chain[0] === other.chain[0]) return "same";
  if (liesIn(one, other)) return "inside";
  return liesIn(other, one) ? "around" : undefined;
}

function liesIn(inner: Whereabouts, outer: Whereabouts): boolean {
  return inner.chain.includes(outer.chain[0]!) ||
    (inner.filesystem === outer.filesystem && isWithin(inner.inFilesystem, outer.inFilesystem));
}
