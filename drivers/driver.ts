/**
 * The contract of a volume driver. A driver provides volumes as directories that can be mounted. It knows
 * nothing of the store, of services or of runners. Every call is idempotent, takes an AbortSignal, and throws
 * only RuneErrors. `permanent: true` means that a retry cannot succeed until the spec changes.
 * @module
 */
import type { FileHandle } from "node:fs/promises";
import type { Filesystem } from "../model/filesystem.ts";
import type { AccessMode, VolumeSpec } from "../model/volume.ts";

/** What a driver supports. Admission refuses declarations that need more: docs/decisions/0052. */
export interface DriverCapabilities {
  accessModes: AccessMode[];
  snapshots: boolean;
  /** The sources that a volume can be created from, besides an empty one. */
  sources: DataSource["from"][];
  /** Volumes can grow. */
  expand: boolean;
  /** Volumes can grow while they are mounted. */
  onlineExpand: boolean;
  /** Volumes are block devices, which are attached and formatted before they are mounted. */
  blockDevice: boolean;
  /** `reclaimPolicy: delete` is allowed. */
  reclaimDelete: boolean;
  /** Processes can use its volumes, since each is a permanent directory of the host. */
  processMounts: boolean;
  /**
   * The parameter with which a user chooses the host directory of a volume. Absent if the driver chooses it.
   */
  hostDirectory?: string;
  /**
   * Who can reach the data of a handle: only this daemon (`daemon`; a copy of the daemon gets new data), or
   * everybody on this host (`host`).
   */
  scope: "daemon" | "host";
  /**
   * How many milliseconds a volume stays attached after its last mount, in case the next one comes soon.
   * Absent if detaching costs nothing.
   */
  detachGraceMs?: number;
  /** The largest size that a volume may have, as in a castfile: `16384G`. Absent if there is no limit. */
  largestSize?: string;
  /** The limits of the provider on the snapshots of one volume, however they were taken. */
  snapshotLimits?: { minIntervalMs: number; mostPerVolume: number };
  /** The names at the provider are made from the name of the installation, which is then kept for good. */
  usesInstallation?: true;
  /** The parameter with which a user names existing data by its handle. Absent if there is none. */
  handleParameter?: string;
}

declare const plain: unique symbol;

/**
 * Storage parameters with the values of secrets in place of references. Only `resolveParameters()` in
 * node/secret_refs.ts creates them, so no driver ever gets an unresolved reference.
 */
export type PlainParameters = Readonly<Record<string, string>> & { readonly [plain]: true };

/** The volume of a call, and the circumstances of the call. */
export interface VolumeContext {
  volume: {
    namespace: string;
    name: string;
    uid: string;
    /** The requested size in bytes; 0 if it is only informational for the driver. */
    sizeBytes: number;
    accessMode: AccessMode;
  };
  /** The handle that `provision` returned; absent before. */
  handle?: string;
  /** The parameters of class and volume, merged, with secret references resolved. Never log them. */
  parameters: PlainParameters;
  /**
   * The filesystem on which the volume was created. Calls do nothing on another one. Absent if it is unknown.
   */
  filesystem?: Filesystem;
  /** Accept any filesystem that is there now. */
  acceptFilesystem?: boolean;
  /**
   * Whether the volume has certainly never held data: it was created empty, and has not been mounted since.
   * Only then may its device be formatted.
   */
  blank: boolean;
  /** The name of this node. */
  node: string;
  /** The name of this installation: the part of providers' names that tells two hosts of an account apart. */
  installation: string;
  signal: AbortSignal;
}

/** An account at a provider, and the circumstances of a call. */
export interface AccountContext {
  /** The parameters of a class or a volume, with secret references resolved. Never log them. */
  parameters: PlainParameters;
  signal: AbortSignal;
}

/** A volume that exists at the provider. */
export interface ProvidedVolume {
  handle: string;
  /** Its name at the provider. */
  name: string;
  region: string;
  /** Its size in GB, as the provider counts and bills it. */
  sizeGb: number;
  /** Whether a machine has it attached. */
  attached: boolean;
  /** RFC 3339. Absent if the provider does not tell. */
  createdAt?: string;
  /** The volume for which it was created. A later one of that name may have adopted it. */
  createdFor: { installation: string; namespace: string; name: string; uid: string };
}

/** A declared volume, for checks that do not touch the host. */
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
  /** The handle that `snapshot` returned; absent before. */
  handle?: string;
  /**
   * Whether the host lost what it knew of earlier attempts. A driver that keeps notes of those takes the
   * snapshot anew, even if one is there: it may be torn.
   */
  retake?: true;
}

/**
 * The initial data of a volume. Drivers name the kinds that they support in {@linkcode
 * DriverCapabilities.sources}.
 */
export type DataSource =
  /** A snapshot that this driver took. */
  | { from: "snapshot"; snapshot: SnapshotRef }
  /** A deleted volume, by its entry in the driver's trash. */
  | { from: "trash"; id: string }
  /** A tar stream of {@linkcode Driver.exportData}. The caller cancels it if the call fails. */
  | { from: "archive"; data: ReadableStream<Uint8Array> };

/** Whether the filesystem of a volume is as large as the volume. */
export interface Growth {
  /** Why the mounted filesystem is smaller until the next mount. Absent if it is not. */
  growsLater?: string;
}

/** The settings of a deleted volume, with which it can be restored. Drivers only store them. */
export interface VolumeRecord {
  labels: Record<string, string>;
  /** The reclaim policy of the volume. */
  spec: VolumeSpec;
  /** The service whose claim template created it. */
  ownerService?: string;
}

/** A deleted volume whose data can still be restored. */
export interface TrashEntry {
  /** The id of the entry, for {@linkcode Driver.materialize}. */
  id: string;
  namespace: string;
  name: string;
  /** The uid of the volume. */
  uid: string;
  /** RFC 3339. */
  deletedAt: string;
  /** When its data will be destroyed, RFC 3339. */
  purgeAt: string;
  /** The settings of the volume. Absent if it was deleted without them. */
  record?: VolumeRecord;
}

/** Options for deleting a volume. */
export interface DeleteOptions {
  /** Destroy the data instead of moving it to the trash. */
  now?: boolean;
  /** The settings to keep with the data in the trash. */
  record?: VolumeRecord;
}

/**
 * A volume driver. The module comment has the rules for all calls.
 *
 * @example The life of a volume. Each call may be repeated, even by the next daemon.
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
 * assert.deepEqual((await driver.listTrash!(ctx.signal)).map(({ name }) => name), ["web-data"]);
 * ```
 */
export interface Driver {
  readonly name: string;
  readonly capabilities: DriverCapabilities;

  /**
   * Checks a volume when it is written, without side effects.
   *
   * @throws {RuneError} `invalid_argument` with one issue per wrong parameter (path relative to
   * `parameters`).
   */
  validate(request: VolumeRequest): void;

  /**
   * Brings the parameters of a class, or of a volume, into the form that the other calls know. Called when
   * they are written, before rights are checked and before `validate`, without side effects. Absent if every
   * parameter can be written in one way only.
   *
   * @throws {RuneError} `invalid_argument`, as `validate` does.
   */
  normalizeParameters?(parameters: Record<string, string>): Record<string, string>;

  /**
   * Creates the volume, or finds it if an earlier call created it.
   *
   * @returns its handle, and whether existing data was found and kept.
   * @throws {RuneError} `invalid_argument` (permanent); `not_found` (permanent) if a required path is
   * missing; `unavailable` if the host or the provider has a temporary problem.
   */
  provision(ctx: VolumeContext): Promise<{ handle: string; adopted: boolean }>;

  /**
   * The absolute, normalized path of the directory of a volume, before any symbolic link is followed. Two
   * volumes may not have the same one. Absent if the directory is not known beforehand.
   */
  directory?(request: VolumeRequest): string | undefined;

  /**
   * The filesystem of the volume's directory, or the one on which it would be created. Absent if the host
   * does not mount the filesystems of volumes.
   */
  filesystem?(ctx: VolumeContext): Promise<Filesystem | undefined>;

  /** Deletes the volume. Its data goes to the trash, if there is one. Does nothing if it is gone. */
  delete(ctx: VolumeContext, options?: DeleteOptions): Promise<void>;

  /** Lists the deleted volumes in the trash, oldest first. Absent if there is no trash. */
  listTrash?(signal: AbortSignal): Promise<TrashEntry[]>;

  /**
   * Lists the volumes that Rune created in an account, those of other installations too. Changes nothing.
   * Absent if the driver keeps its volumes on the host.
   */
  listVolumes?(ctx: AccountContext): Promise<ProvidedVolume[]>;

  /** Attaches the volume to this node. Only drivers of block devices have work to do. */
  attach(ctx: VolumeContext): Promise<void>;
  /** Detaches the volume from this node. Does nothing if it is not attached. */
  detach(ctx: VolumeContext): Promise<void>;

  /**
   * Mounts the volume on this host.
   *
   * @returns the absolute path of its root.
   */
  mount(ctx: VolumeContext): Promise<{ path: string } & Growth>;
  /**
   * Opens the root of a mounted volume without following symbolic links of others, and checks the opened
   * directory. Absent if nobody else can change the path that `mount` returned.
   *
   * @returns a handle, which the caller must close.
   */
  open?(ctx: VolumeContext): Promise<FileHandle>;
  /** Unmounts the volume. Does nothing if it is not mounted. */
  unmount(ctx: VolumeContext): Promise<void>;

  /**
   * Takes a snapshot of the volume. An interrupted call leaves nothing that looks like a snapshot.
   *
   * @param options.copied Called when the copy no longer reads the volume, so that writers may continue. The
   * snapshot is not durable or visible yet. If it throws, there is no snapshot. Not called if an earlier call
   * took the snapshot.
   * @throws {RuneError} `failed_precondition` if the driver takes no snapshots.
   */
  snapshot(
    ctx: VolumeContext,
    snapshot: SnapshotRef,
    options?: { onCopied?: () => Promise<void> },
  ): Promise<{ handle: string; sizeBytes: number }>;
  /** Removes a snapshot. Does nothing if it is gone. */
  deleteSnapshot(ctx: VolumeContext, snapshot: SnapshotRef): Promise<void>;
  /**
   * Creates the volume with data from a source. It must not exist yet, and appears only when it is complete.
   * May be repeated, with an archive from its beginning; a repeated call finds the volume of an earlier one.
   *
   * @throws {RuneError} `failed_precondition` (permanent) for a source that `capabilities.sources` does not
   * name; `not_found` (permanent) if the snapshot or the entry of the trash does not exist; `already_exists`
   * (permanent) if there is other data in its place.
   */
  materialize(ctx: VolumeContext, source: DataSource): Promise<{ handle: string; adopted: boolean }>;

  /**
   * Grows the volume to `ctx.volume.sizeBytes`. Does nothing if it has that size. Some hosts refuse to grow a
   * mounted filesystem: then it grows at the next mount.
   */
  expand(ctx: VolumeContext): Promise<Growth>;

  /**
   * Exports the current data of the volume as a tar stream. Files that change during the export may be
   * inconsistent. The volume must be mounted, unless its handle is a directory.
   *
   * @param snapshot export this snapshot of the volume instead, which never changes.
   * @throws {RuneError} `not_found` if the snapshot does not exist. Later errors come through the stream.
   */
  exportData?(ctx: VolumeContext, snapshot?: SnapshotRef): Promise<ReadableStream<Uint8Array>>;
  /**
   * Measures the used bytes, and the limit if the driver enforces one.
   * @returns undefined if it can be measured only while it is mounted, and is not.
   */
  usage?(ctx: VolumeContext): Promise<{ usedBytes: number; limitBytes?: number } | undefined>;
}
