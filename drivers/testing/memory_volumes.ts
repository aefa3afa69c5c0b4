/**
 * Volumes in memory, in place of a host or a provider. They outlive the drivers that use them, and only calls
 * of drivers and tests change them.
 * @module
 */
import type { Growth, SnapshotRef, TrashEntry, VolumeRecord } from "../driver.ts";

/** Files, by their path below the root. */
export type MemoryFiles = Map<string, Uint8Array>;

/** A volume in memory. */
export interface MemoryVolume {
  namespace: string;
  name: string;
  uid: string;
  /** The installation that created it. */
  installation: string;
  handle: string;
  sizeBytes: number;
  /** The size of its filesystem while it is mounted. */
  filesystemBytes: number;
  files: MemoryFiles;
  /** The snapshot or the trash entry from which it was created. */
  madeFrom?: string;
  /** Whether it holds a filesystem. Always, unless the driver's volumes are block devices. */
  formatted: boolean;
  attached: boolean;
  mounted: boolean;
}

/** A snapshot in memory. */
export interface MemorySnapshot {
  volumeUid: string;
  handle: string;
  files: MemoryFiles;
}

/** A deleted volume in the trash. */
export interface MemoryTrash extends TrashEntry {
  files: MemoryFiles;
  record?: VolumeRecord;
}

/** Options of the volumes. */
export interface MemoryVolumesOptions {
  /** The directory below which volumes are mounted. */
  root?: string;
  /** Creates a real directory for a mounted volume, so that it can be opened. Default: none. */
  makeDirectory?: (path: string) => Promise<void>;
}

const ROOT = "/memory/volumes";

/** Volumes, snapshots and trash in memory. */
export class MemoryVolumes {
  /** By `<namespace>/<name>`, as a directory has a path. */
  readonly volumes = new Map<string, MemoryVolume>();
  /** By uid. */
  readonly snapshots = new Map<string, MemorySnapshot>();
  /** By id. */
  readonly trash = new Map<string, MemoryTrash>();
  /** Why mounted volumes grow at the next mount. By default they grow at once. */
  growsLater?: string;
  readonly #options: MemoryVolumesOptions;

  constructor(options: MemoryVolumesOptions = {}) {
    this.#options = options;
  }

  /** Where a volume is mounted. */
  pathOf({ namespace, name }: Pick<MemoryVolume, "namespace" | "name">): string {
    return `${this.#options.root ?? ROOT}/${namespace}/${name}`;
  }

  /** Mounts a volume. @returns its path. */
  async mount(volume: MemoryVolume): Promise<string> {
    const path = this.pathOf(volume);
    await this.#options.makeDirectory?.(path);
    if (!volume.mounted) volume.filesystemBytes = volume.sizeBytes;
    volume.mounted = true;
    return path;
  }

  /** Grows the filesystem of a volume to the volume's size, unless that has to wait. */
  grow(volume: MemoryVolume): Growth {
    const waits = volume.mounted && volume.filesystemBytes < volume.sizeBytes;
    if (waits && this.growsLater !== undefined) return { growsLater: this.growsLater };
    volume.filesystemBytes = volume.sizeBytes;
    return {};
  }

  /** The volume mounted at a path. */
  at(path: string): MemoryVolume | undefined {
    return [...this.volumes.values()].find((v) => v.mounted && this.pathOf(v) === path);
  }

  /** Reads a file of a mounted volume; undefined if it does not exist. */
  read(path: string, file: string): Uint8Array | undefined {
    return this.at(path)?.files.get(file);
  }

  /** Writes a file of a mounted volume. @throws if nothing is mounted. */
  write(path: string, file: string, data: Uint8Array): void {
    const volume = this.at(path);
    if (!volume) throw new Error(`nothing is mounted at ${path}`);
    volume.files.set(file, data);
  }

  snapshotOf({ uid }: SnapshotRef): MemorySnapshot | undefined {
    return this.snapshots.get(uid);
  }
}

/** Copies files, so that later changes do not affect the copy. */
export const copyOf = (files: MemoryFiles): MemoryFiles =>
  new Map([...files].map(([path, data]) => [path, data.slice()]));
