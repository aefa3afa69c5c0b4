/**
 * Identifies the filesystem of a directory so that it can be recognized after a reboot: by the identifier of
 * the filesystem and the path in it, never by the device number, which changes. A filesystem without an
 * identifier, such as tmpfs, is identified by its type and its mount point. See docs/decisions/0046.
 * @module
 */
import type { FileHandle } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import type { Filesystem } from "../model/filesystem.ts";
import { filesystemId, type MountEntry } from "./host.ts";
import { errnoOf } from "./host_error.ts";
import { descriptorPath, enterDirectory, mountOf, NotADirectory, openBelow } from "./open_directory.ts";

/** The filesystem of a directory, and the mount through which it is visible. */
export interface Located {
  filesystem: Filesystem;
  /** The id of the mount. It changes with every mount, so only ids of the same moment can be compared. */
  mountId: string;
}

/** The filesystem of an open directory. */
export async function locate(directory: FileHandle, signal: AbortSignal): Promise<Located> {
  return await describe(directory, { rest: "", signal });
}

/**
 * Finds the filesystem of a path, or the one on which it would be created.
 *
 * @param options.base an absolute path with which the path begins. It may contain symbolic links; the rest
 * may not.
 */
export async function locatePath(
  path: string,
  { base, signal }: { base: string; signal: AbortSignal },
): Promise<Located> {
  let existing = base;
  let root: string | undefined;
  while ((root = await realPath(existing)) === undefined) existing = dirname(existing);
  const parts = relative(existing, path).split("/").filter((part) => part !== "");
  let directory = await openBelow({ path: root }, []);
  let entered = 0;
  try {
    for (const part of parts) {
      let next: FileHandle;
      try {
        next = await enterDirectory(directory, part);
      } catch (error) {
        // The driver refuses a path that is no directory, with a better message.
        if (error instanceof NotADirectory || errnoOf(error) === "ENOENT") break;
        throw error;
      }
      await directory.close();
      directory = next;
      entered++;
    }
    return await describe(directory, { rest: parts.slice(entered).join("/"), signal });
  } finally {
    await directory.close();
  }
}

/** Describes the expected and the actual filesystem for a message. */
export function describeDifference(expected: Filesystem, found: Filesystem): string {
  const describeFilesystem = ({ type, mountPoint, id }: Filesystem, withId: boolean) =>
    `${type} mounted at ${mountPoint}${withId && id !== undefined ? ` (${id})` : ""}`;
  const alike = expected.type === found.type && expected.mountPoint === found.mountPoint;
  return `expected ${describeFilesystem(expected, alike)}, found ${describeFilesystem(found, alike)}`;
}

async function describe(
  directory: FileHandle,
  { rest, signal }: { rest: string; signal: AbortSignal },
): Promise<Located> {
  const { path, mount } = await mountOf(directory);
  if (!mount) {
    return {
      filesystem: { type: "unknown", mountPoint: "/", path: join(path, rest) },
      mountId: "",
    };
  }
  const id = await identify(mount, `${descriptorPath(directory)}/.`, signal);
  return {
    filesystem: {
      type: mount.fsType,
      mountPoint: mount.mountPoint,
      path: join(mount.root, relative(mount.mountPoint, path), rest),
      ...(id !== undefined && { id }),
    },
    mountId: mount.id,
  };
}

/**
 * Types of filesystems that are identified by their source: an export of a server, a data set of a pool, a
 * tag.
 */
const NAMED = /^(nfs4?|cifs|smb3|ceph|9p|virtiofs|glusterfs|lustre|zfs|fuse\..+)$/;

/**
 * The identifier of the filesystem; undefined if it has no permanent one, or if this user may not read it.
 */
async function identify(
  { fsType, source }: MountEntry,
  at: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (NAMED.test(fsType)) return `source ${source}`;
  // For ext filesystems fsid comes from the UUID. Others derive it from the device number, or change it at
  // every mount.
  if (/^ext[234]$/.test(fsType)) return `fsid ${await filesystemId(at, signal)}`;
  const device = await realPath(source);
  if (device === undefined || !device.startsWith("/dev/")) return undefined;
  const uuid = fsType === "btrfs"
    ? await btrfsUuid(device)
    : fsType === "xfs"
    ? await xfsUuid(device) ?? await linkedUuid(device)
    : await linkedUuid(device);
  return uuid && `uuid ${uuid.toLowerCase()}`;
}

async function realPath(path: string): Promise<string | undefined> {
  try {
    return await Deno.realPath(path);
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(errnoOf(error) ?? "")) return undefined;
    throw error;
  }
}

const entriesOf = async (path: string) =>
  (await Array.fromAsync(Deno.readDir(path)).catch(() => [])).map(({ name }) => name);

async function btrfsUuid(device: string): Promise<string | undefined> {
  for (const uuid of await entriesOf("/sys/fs/btrfs")) {
    if ((await entriesOf(`/sys/fs/btrfs/${uuid}/devices`)).includes(basename(device))) return uuid;
  }
  return undefined;
}

/** Reads the UUID from the superblock, if the daemon may: the magic is at 0, the UUID at 32 (xfs(5)). */
async function xfsUuid(device: string): Promise<string | undefined> {
  const bytes = new Uint8Array(48);
  try {
    using file = await Deno.open(device);
    await file.read(bytes);
  } catch {
    return undefined;
  }
  if (new TextDecoder().decode(bytes.subarray(0, 4)) !== "XFSB") return undefined;
  return bytes.subarray(32, 48).toHex().replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

async function linkedUuid(device: string): Promise<string | undefined> {
  const directory = "/dev/disk/by-uuid";
  for (const uuid of await entriesOf(directory)) {
    if (await realPath(join(directory, uuid)) === device) return uuid;
  }
  return undefined;
}
