/**
 * Volumes in memory: what a host or a provider has of volumes, whoever asks. It outlives the drivers over it,
 * and is changed by nothing but their calls and what a test does to it.
 * @module
 */
import type { SnapshotRef, TrashEntry, VolumeRecord } from "../driver.ts";

/** Files by their path below the root. */
export type MemoryFiles = Map<string, Uint8Array>;

/** A volume as the host has it. */
export interface MemoryVolume {
  namespace: string;
  name: string;
  uid: string;
  handle: string;
  sizeBytes: number;
  files: MemoryFiles;
  /** The snapshot or trash entry that it was made from. */
  madeFrom?: string;
  attached: boolean;
  mounted: boolean;
}

/** A snapshot as the host has it. */
export interface MemorySnapshot {
  volumeUid: string;
  handle: string;
  files: MemoryFiles;
}

/** A deleted volume whose data is still there. */
export interface MemoryTrash extends TrashEntry {
  files: MemoryFiles;
  record?: VolumeRecord;
}

/** How a host is set up. */
export interface MemoryVolumesOptions {
  /** Where volumes are mounted. */
  root?: string;
  /** Makes the directory of a volume that is mounted, for who opens it; default: there is none. */
  makeDirectory?: (path: string) => Promise<void>;
}

const ROOT = "/memory/volumes";

/** See the module comment. */
export class MemoryVolumes {
  /** By `<namespace>/<name>`: the place where the data is, as a directory is known by its path. */
  readonly volumes = new Map<string, MemoryVolume>();
  /** By uid. */
  readonly snapshots = new Map<string, MemorySnapshot>();
  /** By id. */
  readonly trash = new Map<string, MemoryTrash>();
  readonly #options: MemoryVolumesOptions;

  constructor(options: MemoryVolumesOptions = {}) {
    this.#options = options;
  }

  /** Where a volume is mounted. */
  pathOf({ namespace, name }: Pick<MemoryVolume, "namespace" | "name">): string {
    return `${this.#options.root ?? ROOT}/${namespace}/${name}`;
  }

  /** Mounts a volume. @returns where. */
  async mount(volume: MemoryVolume): Promise<string> {
    const path = this.pathOf(volume);
    await this.#options.makeDirectory?.(path);
    volume.mounted = true;
    return path;
  }

  /** The volume that is mounted at a path. */
  at(path: string): MemoryVolume | undefined {
    return [...this.volumes.values()].find((v) => v.mounted && this.pathOf(v) === path);
  }

  /** A file of a mounted volume; undefined when there is none. */
  read(path: string, file: string): Uint8Array | undefined {
    return this.at(path)?.files.get(file);
  }

  /** Writes a file of a mounted volume. @throws where nothing is mounted. */
  write(path: string, file: string, data: Uint8Array): void {
    const volume = this.at(path);
    if (!volume) throw new Error(`nothing is mounted at ${path}`);
    volume.files.set(file, data);
  }

  snapshotOf({ uid }: SnapshotRef): MemorySnapshot | undefined {
    return this.snapshots.get(uid);
  }
}

/** The same files, which change no more with the others. */
export const copyOf = (files: MemoryFiles): MemoryFiles =>
  new Map([...files].map(([path, data]) => [path, data.slice()]));
