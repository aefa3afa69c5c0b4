/**
 * Opens directories component by component without following symbolic links, as openat2(2) does with
 * RESOLVE_NO_SYMLINKS, and locates them. Checks use the open directory, never its name. See
 * docs/decisions/0017.
 * @module
 */
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join, relative } from "node:path";
import { type MountEntry, parseMountInfo } from "./host.ts";
import { errnoOf } from "./host_error.ts";

const DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/** Thrown for a symbolic link or a file in place of a directory. */
export class NotADirectory extends Error {
  /**
   * @param at its path.
   * @param leadsTo the text of the link; absent if it is no link.
   */
  constructor(readonly at: string, readonly leadsTo: string | undefined) {
    super(leadsTo === undefined ? `${at} is not a directory` : `${at} is a symbolic link to ${leadsTo}`);
  }
}

/** A path by which commands of the host reach the open directory, while it is open. */
export function descriptorPath(handle: FileHandle): string {
  return `/proc/${Deno.pid}/fd/${handle.fd}`;
}

/** The current absolute path of an open directory. */
export async function pathOf(handle: FileHandle): Promise<string> {
  return await Deno.readLink(descriptorPath(handle));
}

/**
 * Opens an absolute, normalized path. No component may be a link, not even the first.
 *
 * @throws {NotADirectory} for a link or a file on the way; the system's error (`ENOENT`) for a missing
 * directory.
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
 * Opens a directory below another one. That one is either open, and stays so, or given by a path that may
 * contain links.
 *
 * @param parts the names on the way; none may be empty, `.` or `..`.
 * @param enter opens one directory in another, and may create it.
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

/** The location of a directory, independent of the name, bind mount or link by which it was reached. */
export interface Whereabouts {
  /** Its path on this host. */
  path: string;
  /**
   * Device, inode and birth time of the directory and its parents up to `/`. Inode numbers are reused; birth
   * times are not.
   */
  chain: string[];
  /**
   * The device of its filesystem and the path in it, which are equal for all bind mounts of one directory.
   */
  filesystem: string;
  inFilesystem: string;
}

/** The identity of a directory, as one word that no other directory has. */
export async function identityOf(path: string): Promise<string> {
  const { dev, ino, birthtime } = await Deno.stat(path);
  return `${dev}-${ino}-${birthtime?.getTime() ?? 0}`;
}

/** Finds the path and the mount of a directory, which is open or given by a path. */
export async function mountOf(
  directory: FileHandle | string,
): Promise<{ path: string; mount: MountEntry | undefined }> {
  const open = typeof directory !== "string";
  const path = open ? await pathOf(directory) : await Deno.realPath(directory);
  const mounts = parseMountInfo(await Deno.readTextFile("/proc/self/mountinfo"));
  const id = open &&
    /^mnt_id:\s*(\d+)/m.exec(await Deno.readTextFile(`/proc/self/fdinfo/${directory.fd}`))?.[1];
  // Without a descriptor: the last mount among those with the longest matching path.
  const mount = id ? mounts.find((m) => m.id === id) : mounts.filter((m) => isWithin(path, m.mountPoint))
    .sort((a, b) => a.mountPoint.length - b.mountPoint.length).at(-1);
  return { path, mount };
}

/** Locates a directory, which is open or given by a path. */
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

/** Whether `path` is `root` or lies below it. Both must be absolute and normalized. */
export function isWithin(path: string, root: string): boolean {
  return path === root || path.startsWith(root === "/" ? "/" : `${root}/`);
}

/**
 * The relation of a directory to another: the same, inside it, or around it; undefined if neither contains
 * the other.
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
