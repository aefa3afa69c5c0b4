/**
 * What `drivers/open_directory.ts` says, of volumes in memory: the simulation puts this file in its place (an import map does), so
 * that controllers that open what is mounted find it. Everything that it opens is a volume of the host in use.
 * @module
 */
import type { FileHandle } from "node:fs/promises";
import type { MemoryVolume } from "./memory_volumes.ts";

/** See `drivers/open_directory.ts`. */
export interface Whereabouts {
  path: string;
  chain: string[];
  filesystem: string;
  inFilesystem: string;
}

/** Finds the volume that a path shows. */
export type FindVolume = (path: string) => MemoryVolume | undefined;

/** The host that is in use; of one thread, so of one simulation at a time. */
const host: { find: FindVolume } = { find: () => undefined };

/** Says which volumes there are from now on. */
export function useMemoryDirectories(find: FindVolume): void {
  host.find = find;
}

const FILESYSTEM = "memory";
const identities = new WeakMap<MemoryVolume, string>();
let known = 0;

function identityOfVolume(volume: MemoryVolume): string {
  let identity = identities.get(volume);
  if (identity === undefined) identities.set(volume, identity = `memory-${++known}`);
  return identity;
}

function require(path: string): MemoryVolume {
  const volume = host.find(path.replace(/\/\.$/, ""));
  if (volume) return volume;
  throw Object.assign(new Error(`No such directory: ${path}`), { code: "ENOENT" });
}

const pathsOf = new WeakMap<object, string>();

export class NotADirectory extends Error {}

export function descriptorPath(handle: FileHandle): string {
  return pathsOf.get(handle)!;
}

export async function pathOf(handle: FileHandle): Promise<string> {
  return descriptorPath(handle);
}

export async function openDirectory(path: string): Promise<FileHandle> {
  require(path);
  const handle = { close: () => Promise.resolve(), [Symbol.asyncDispose]: () => Promise.resolve() };
  pathsOf.set(handle, path);
  return handle as unknown as FileHandle;
}

export async function identityOf(path: string): Promise<string> {
  return identityOfVolume(require(path));
}

export async function whereIs(directory: FileHandle | string): Promise<Whereabouts> {
  const path = typeof directory === "string" ? directory : descriptorPath(directory);
  const volume = require(path);
  const place = `/memory/volumes/${volume.namespace}/${volume.name}`;
  return { path: place, chain: [identityOfVolume(volume)], filesystem: FILESYSTEM, inFilesystem: place };
}

export function isWithin(path: string, root: string): boolean {
  return path === root || path.startsWith(`${root}/`);
}

export function relate(one: Whereabouts, other: Whereabouts): "same" | undefined {
  return one.chain[0] === other.chain[0] ? "same" : undefined;
}

/** Nobody who uses volumes in memory goes below their roots. */
const refuseCall = (): never => {
  throw new Error("volumes in memory have no directories below their roots");
};
export const openBelow: (...given: unknown[]) => Promise<FileHandle> = refuseCall;
export const enterDirectory: (...given: unknown[]) => Promise<FileHandle> = refuseCall;
export const mountOf: (...given: unknown[]) => Promise<never> = refuseCall;
