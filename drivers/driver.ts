/**
 * The contract of a volume driver. A driver turns volumes into directories that can be mounted; it knows nothing of the
 * store, of services or of runners. Every call is idempotent, takes an AbortSignal, and throws only RuneError;
 * `permanent: true` when trying again cannot help until the spec changes.
 * @module
 */
import type { AccessMode } from "../spec/volume.ts";

/** What a driver can do. The API refuses at write time what it cannot (SPEC 4.4). */
export interface DriverCapabilities {
  accessModes: AccessMode[];
  snapshots: boolean;
  /** `volume resize` to a larger size works. */
  expand: boolean;
  /** It works while the volume is mounted. */
  onlineExpand: boolean;
  /** Backed by a block device: it is attached and formatted before it is mounted; process services cannot use it. */
  blockDevice: boolean;
  /** `reclaimPolicy: delete` is allowed. */
  reclaimDelete: boolean;
  /** Node label keys that its volumes are pinned to. */
  topologyKeys: string[];
}

/** What a driver is told about the volume of a call. */
export interface VolumeContext {
  volume: {
    namespace: string;
    name: string;
    uid: string;
    /** Requested size in bytes; 0 where the driver takes it as informational. */
    sizeBytes: number;
    accessMode: AccessMode;
  };
  /** What `provision` returned; absent before. */
  handle?: string;
  /** Class and volume parameters merged, secret references resolved. Never log them. */
  parameters: Record<string, string>;
  /** Name of this node. */
  node: string;
  signal: AbortSignal;
}

/** A volume to be written, as far as a driver may judge it without touching the host. */
export interface VolumeRequest {
  namespace: string;
  name: string;
  sizeBytes: number;
  accessMode: AccessMode;
  parameters: Record<string, string>;
}

/** A snapshot of one volume. */
export interface SnapshotRef {
  namespace: string;
  name: string;
  uid: string;
  /** What `snapshot` returned; absent before. */
  handle?: string;
}

/** A volume driver; see the module comment for what all calls share. */
export interface Driver {
  readonly name: string;
  readonly capabilities: DriverCapabilities;

  /**
   * Judges a volume at write time, without side effects.
   *
   * @throws {RuneError} `invalid_argument` with one issue per wrong parameter (path relative to `parameters`).
   */
  validate(request: VolumeRequest): void;

  /**
   * Makes the volume, or finds the one it made before.
   *
   * @returns its handle, and whether data was found in place and kept.
   * @throws {RuneError} `invalid_argument` (permanent), `not_found` when a path it needs is missing (permanent),
   * `unavailable` when the host or provider cannot now.
   */
  provision(ctx: VolumeContext): Promise<{ handle: string; adopted: boolean }>;

  /** Removes the volume and its data (the local drivers: into the trash). Done when it is gone already. */
  delete(ctx: VolumeContext): Promise<void>;

  /** Brings the volume to this node. Block devices only do work here; others return at once. */
  attach(ctx: VolumeContext): Promise<void>;
  /** The reverse of `attach`. */
  detach(ctx: VolumeContext): Promise<void>;

  /**
   * Makes the volume's root a directory on this host.
   *
   * @returns the absolute path of that directory.
   */
  mount(ctx: VolumeContext): Promise<{ path: string }>;
  /** The reverse of `mount`. Done when it is not mounted. */
  unmount(ctx: VolumeContext): Promise<void>;

  /**
   * Copies the volume as it is now. An interrupted copy leaves nothing that looks like a snapshot.
   *
   * @throws {RuneError} `failed_precondition` when the driver has no snapshots.
   */
  snapshot(ctx: VolumeContext, snapshot: SnapshotRef): Promise<{ handle: string; sizeBytes: number }>;
  /** Removes a snapshot. Done when it is gone already. */
  deleteSnapshot(ctx: VolumeContext, snapshot: SnapshotRef): Promise<void>;
  /** Provisions `ctx.volume`, which must not exist yet, with the contents of a snapshot. */
  restore(ctx: VolumeContext, snapshot: SnapshotRef): Promise<{ handle: string; adopted: boolean }>;

  /** Grows the volume to `ctx.volume.sizeBytes`. Done when it is that large already. */
  expand(ctx: VolumeContext): Promise<void>;

  /**
   * The volume's data as a tar stream, as it is now: files that change meanwhile may be torn. Only on a mounted volume, or
   * one whose handle is a directory.
   *
   * @throws {RuneError} also through the stream when the copy fails in the middle.
   */
  exportData?(ctx: VolumeContext): Promise<ReadableStream<Uint8Array>>;
  /**
   * Provisions `ctx.volume` with the data of a tar stream that {@linkcode exportData} made. Nothing appears before all of it
   * is there.
   *
   * @throws {RuneError} `already_exists` when there is data where the volume goes.
   */
  importData?(ctx: VolumeContext, data: ReadableStream<Uint8Array>): Promise<{ handle: string }>;

  /** Bytes used and, where the driver enforces one, the limit. */
  usage?(ctx: VolumeContext): Promise<{ usedBytes: number; limitBytes?: number }>;
}
