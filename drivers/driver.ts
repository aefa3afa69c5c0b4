/**
 * The contract of a volume driver. A driver turns volumes into directories that can be mounted; it knows
 * nothing of the store, of services or of runners. Every call is idempotent, takes an AbortSignal, and throws
 * only RuneError; `permanent: true` when trying again cannot help until the spec changes.
 * @module
 */
import type { FileHandle } from "node:fs/promises";
import type { Filesystem } from "../model/filesystem.ts";
import type { AccessMode, VolumeSpec } from "../model/volume.ts";

/** What a driver can do. The API refuses at write time what it cannot: docs/decisions/0052. */
export interface DriverCapabilities {
  accessModes: AccessMode[];
  snapshots: boolean;
  /** What a volume can begin with besides nothing. */
  sources: DataSource["from"][];
  /** `volume resize` to a larger size works. */
  expand: boolean;
  /** It works while the volume is mounted. */
  onlineExpand: boolean;
  /** Backed by a block device: it is attached and formatted before it is mounted. */
  blockDevice: boolean;
  /** `reclaimPolicy: delete` is allowed. */
  reclaimDelete: boolean;
  /** A process can use its volumes: each is a directory of the host that exists as such. */
  processMounts: boolean;
  /**
   * The parameter by which a user chooses the directory of the host that a volume is. Absent where the driver
   * chooses.
   */
  hostDirectory?: string;
  /**
   * Who else may reach what a handle leads to: nobody but this daemon (`daemon`, it can be made anew for a
   * copy of the daemon), or whoever uses this host (`host`).
   */
  scope: "daemon" | "host";
}

declare const plain: unique symbol;

/**
 * Storage parameters whose secret references are replaced by the values. Only `resolveParameters()` of
 * node/secret_refs.ts makes them, so that no driver is ever called with the text of a reference.
 */
export type PlainParameters = Readonly<Record<string, string>> & { readonly [plain]: true };

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
  parameters: PlainParameters;
  /**
   * The filesystem that it was made on: on another one nothing is done with it. Absent where that is not
   * known.
   */
  filesystem?: Filesystem;
  /** Whatever filesystem is there now is taken. */
  acceptFilesystem?: boolean;
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

/**
 * Data that a volume begins with. A new kind of it is a member here, and of {@linkcode
 * DriverCapabilities.sources} where it works.
 */
export type DataSource =
  /** A snapshot that this driver took. */
  | { from: "snapshot"; snapshot: SnapshotRef }
  /** A deleted volume, by its entry in the driver's trash. */
  | { from: "trash"; id: string }
  /** A tar stream that {@linkcode Driver.exportData} made. Who called cancels it when the call fails. */
  | { from: "archive"; data: ReadableStream<Uint8Array> };

/** What is kept of a deleted volume beside its data, so that its row can come back; drivers only store it. */
export interface VolumeRecord {
  labels: Record<string, string>;
  /** As the volume had it. */
  spec: VolumeSpec;
  /** The service whose claim template made it. */
  ownerService?: string;
}

/** A deleted volume whose data can still be brought back. */
export interface TrashEntry {
  /** Names the entry to {@linkcode Driver.materialize}. */
  id: string;
  namespace: string;
  name: string;
  /** The uid that the volume had. */
  uid: string;
  /** RFC 3339. */
  deletedAt: string;
  /** When its data is removed for good, RFC 3339. */
  purgeAt: string;
  /** Absent when the volume was deleted without one. */
  record?: VolumeRecord;
}

/** How a volume is deleted. */
export interface DeleteOptions {
  /** Past the trash: nothing can bring the data back. */
  now?: boolean;
  /** To be kept with the data in the trash. */
  record?: VolumeRecord;
}

/**
 * A volume driver; see the module comment for what all calls share.
 *
 * @example The life of a volume. Each call may come again, also from the next daemon.
 * ```ts
 * import { strict as assert } from "node:assert";
 * import { contextMaker } from "./conformance_trial.ts";
 * import type { Driver } from "./driver.ts";
 * import { MemoryDriver } from "./testing/memory_driver.ts";
 * import { MemoryVolumes } from "./testing/memory_volumes.ts";
 *
 * const driver: Driver = new MemoryDriver({ volumes: new MemoryVolumes() });
 * const context = contextMaker({ sizeBytes: 1024 });
 * const fresh = context("web-data");
 *
 * const { handle } = await driver.provision(fresh);
 * assert.equal((await driver.provision(fresh)).handle, handle);
 *
 * const ctx = { ...fresh, handle };
 * await driver.attach(ctx);
 * const { path } = await driver.mount(ctx);
 * assert.ok(path.startsWith("/"));
 *
 * const ref = { namespace: "default", name: "before-upgrade", uid: crypto.randomUUID() };
 * const snapshot = { ...ref, handle: (await driver.snapshot(ctx, ref)).handle };
 * await driver.materialize(context("web-data-restored"), { from: "snapshot", snapshot });
 *
 * await driver.unmount(ctx);
 * await driver.detach(ctx);
 * await driver.delete(ctx);
 * await driver.delete(ctx);
 * assert.deepEqual((await driver.listTrash!()).map(({ name }) => name), ["web-data"]);
 * ```
 */
export interface Driver {
  readonly name: string;
  readonly capabilities: DriverCapabilities;

  /**
   * Judges a volume at write time, without side effects.
   *
   * @throws {RuneError} `invalid_argument` with one issue per wrong parameter (path relative to
   * `parameters`).
   */
  validate(request: VolumeRequest): void;

  /**
   * Makes the volume, or finds the one it made before.
   *
   * @returns its handle, and whether data was found in place and kept.
   * @throws {RuneError} `invalid_argument` (permanent), `not_found` when a path it needs is missing
   * (permanent), `unavailable` when the host or provider cannot now.
   */
  provision(ctx: VolumeContext): Promise<{ handle: string; adopted: boolean }>;

  /**
   * The absolute, normal path of the directory that a volume will be, before any symbolic link is followed:
   * two volumes may not share one. Absent where no directory of the host is known beforehand.
   */
  directory?(request: VolumeRequest): string | undefined;

  /**
   * The filesystem that the volume's directory is on, or would be made on. Absent where volumes are no
   * directories of filesystems that the host mounts.
   */
  filesystem?(ctx: VolumeContext): Promise<Filesystem | undefined>;

  /** Removes the volume and its data (where there is a trash: into it). Done when it is gone already. */
  delete(ctx: VolumeContext, options?: DeleteOptions): Promise<void>;

  /** Deleted volumes whose data is still there, oldest first. Absent where deleting is for good. */
  listTrash?(): Promise<TrashEntry[]>;

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
  /**
   * Opens the root of a volume that is mounted, without following a symbolic link that somebody else could
   * have made, and judges what it has opened. Where a driver has none, nobody else can reach the path that
   * `mount` returned.
   *
   * @returns a handle that the caller closes.
   */
  open?(ctx: VolumeContext): Promise<FileHandle>;
  /** The reverse of `mount`. Done when it is not mounted. */
  unmount(ctx: VolumeContext): Promise<void>;

  /**
   * Copies the volume as it is now. An interrupted copy leaves nothing that looks like a snapshot.
   *
   * @param options.copied Called once the copy reads the volume no more, before it is durable and has
   * appeared: writers may go on. When it throws there is no snapshot. Not called when an earlier call made
   * the snapshot.
   * @throws {RuneError} `failed_precondition` when the driver has no snapshots.
   */
  snapshot(
    ctx: VolumeContext,
    snapshot: SnapshotRef,
    options?: { onCopied?: () => Promise<void> },
  ): Promise<{ handle: string; sizeBytes: number }>;
  /** Removes a snapshot. Done when it is gone already. */
  deleteSnapshot(ctx: VolumeContext, snapshot: SnapshotRef): Promise<void>;
  /**
   * Provisions `ctx.volume`, which must not exist yet, with data. Nothing appears before all of it is there.
   * May be repeated, an archive with a stream from its beginning; what an earlier call made is found.
   *
   * @throws {RuneError} `failed_precondition` (permanent) for a source that `capabilities.sources` does not
   * name, `not_found` (permanent) when there is no such snapshot or entry of the trash, `already_exists`
   * (permanent) when there is data where the volume goes.
   */
  materialize(ctx: VolumeContext, source: DataSource): Promise<{ handle: string; adopted: boolean }>;

  /** Grows the volume to `ctx.volume.sizeBytes`. Done when it is that large already. */
  expand(ctx: VolumeContext): Promise<void>;

  /**
   * The volume's data as a tar stream, as it is now: files that change meanwhile may be torn. Only on a
   * mounted volume, or one whose handle is a directory.
   *
   * @param snapshot of the volume: its data instead, which never changes.
   * @throws {RuneError} `not_found` when there is no such snapshot; also through the stream when the copy
   * fails in the middle.
   */
  exportData?(ctx: VolumeContext, snapshot?: SnapshotRef): Promise<ReadableStream<Uint8Array>>;
  /** Bytes used and, where the driver enforces one, the limit. */
  usage?(ctx: VolumeContext): Promise<{ usedBytes: number; limitBytes?: number }>;
}
