/**
 * Directories in memory, as a node looks at them: everything that is open is the root of a volume that is
 * mounted.
 * @module
 */
import type { FileHandle } from "node:fs/promises";
import type { MemoryVolume } from "../../drivers/testing/memory_volumes.ts";
import type { HostView } from "../mounts/host_view.ts";

/** What a host in memory asks. */
export interface MemoryHostOptions {
  /** The volume that a path of the host or of the stage shows. */
  find: (path: string) => MemoryVolume | undefined;
  /** Where the volumes are that a run has mounted, by its pid; undefined when there is no such run. */
  placesOf: (pid: number) => string[] | undefined;
}

/** A host whose open directories know the path by which they were opened: {@linkcode pathOf}. */
export interface MemoryHost extends HostView {
  /** The path by which a directory was opened. */
  pathOf(directory: FileHandle): string;
}

const FILESYSTEM = "memory";
const identities = new WeakMap<MemoryVolume, string>();
let known = 0;

/** Which volume it is, also when another one has its name by now. */
function identityOf(volume: MemoryVolume): string {
  const identity = identities.get(volume) ?? `memory-${++known}`;
  identities.set(volume, identity);
  return identity;
}

/** See the module comment. */
export function createMemoryHost({ find, placesOf }: MemoryHostOptions): MemoryHost {
  const paths = new WeakMap<FileHandle, string>();
  const pathOf = (directory: FileHandle) => paths.get(directory)!;
  const require = (path: string): MemoryVolume => {
    const volume = find(path);
    if (volume) return volume;
    throw Object.assign(new Error(`No such directory: ${path}`), { code: "ENOENT" });
  };
  return {
    pathOf,
    async open(path) {
      require(path);
      const close = () => Promise.resolve();
      const directory = { close, [Symbol.asyncDispose]: close } as unknown as FileHandle;
      paths.set(directory, path);
      return directory;
    },
    identityOf: async (directory) => identityOf(require(pathOf(directory))),
    async whereIs(directory) {
      const volume = require(pathOf(directory));
      const path = `/memory/volumes/${volume.namespace}/${volume.name}`;
      return { path, chain: [identityOf(volume)], filesystem: FILESYSTEM, inFilesystem: path };
    },
    async hasMounted({ pid }, directories) {
      const places = placesOf(pid);
      return places === undefined ? "unknown" : directories.every((d) => places.includes(d.inFilesystem));
    },
    // Volumes in memory are never full.
    findShortage: () => Promise.resolve(undefined),
  };
}
