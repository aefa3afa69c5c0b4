/**
 * A driver with volumes in memory. It keeps every promise of the contract that needs no kernel
 * (`conformance_lifecycle.ts`). Its volumes are no directories, so nothing on this host can open their paths.
 * Each call goes through a gate.
 * @module
 */
import { type Gate, OPEN_GATE, passGate } from "../../base/testing/gate.ts";
import { RuneError } from "../../model/error.ts";
import { describeCall } from "../describe_call.ts";
import type {
  AccountContext,
  DataSource,
  DeleteOptions,
  Driver,
  DriverCapabilities,
  Growth,
  ProvidedVolume,
  SnapshotRef,
  TrashEntry,
  VolumeContext,
  VolumeRequest,
} from "../driver.ts";
import { checkAborted } from "../host_error.ts";
import { refuseIssues, unknownParameters } from "../parameters.ts";
import { copyOf, type MemoryFiles, type MemoryVolume, type MemoryVolumes } from "./memory_volumes.ts";

/** Options of the memory driver. */
export interface MemoryDriverOptions {
  volumes: MemoryVolumes;
  name?: string;
  gate?: Gate;
  capabilities?: Partial<DriverCapabilities>;
  /** Called when a copy for a snapshot begins, and when it no longer reads. */
  onCopy?: (volume: MemoryVolume, phase: "begins" | "ends") => void;
  /** Called when a volume is about to be mounted, with whether the caller says that it is blank. */
  onMount?: (volume: MemoryVolume, options: { blank: boolean }) => void;
  /** Called before the data of a volume is removed. */
  onDelete?: (volume: MemoryVolume) => void;
}

const CAPABILITIES: DriverCapabilities = {
  accessModes: ["ReadWriteOnce", "ReadOnlyMany"],
  snapshots: true,
  sources: ["snapshot", "trash", "archive"],
  expand: true,
  onlineExpand: true,
  blockDevice: false,
  reclaimDelete: true,
  processMounts: false,
  scope: "daemon",
};
const TRASH_MS = 86_400_000;

/** The memory driver. */
export class MemoryDriver implements Driver {
  readonly name: string;
  readonly capabilities: DriverCapabilities;
  readonly #volumes: MemoryVolumes;
  readonly #gate: Gate;
  readonly #options: MemoryDriverOptions;

  constructor(options: MemoryDriverOptions) {
    this.name = options.name ?? "memory";
    const capabilities = { ...CAPABILITIES, ...options.capabilities };
    const sources = capabilities.sources.filter((from) => from !== "snapshot" || capabilities.snapshots);
    this.capabilities = { ...capabilities, sources };
    this.#volumes = options.volumes;
    this.#gate = options.gate ?? OPEN_GATE;
    this.#options = options;
  }

  validate(request: VolumeRequest): void {
    refuseIssues(this.name, unknownParameters(request.parameters, { driver: this.name, known: [] }));
  }

  provision(ctx: VolumeContext): Promise<{ handle: string; adopted: boolean }> {
    return this.#call("provision", ctx, () => {
      const found = this.#find(ctx);
      if (!found) return { handle: this.#make(ctx, new Map()).handle, adopted: false };
      const adopted = found.uid !== ctx.volume.uid;
      found.uid = ctx.volume.uid;
      found.sizeBytes = Math.max(found.sizeBytes, ctx.volume.sizeBytes);
      return { handle: found.handle, adopted };
    });
  }

  delete(ctx: VolumeContext, { now = false, record }: DeleteOptions = {}): Promise<void> {
    return this.#call("delete", ctx, () => {
      const { uid, namespace, name } = ctx.volume;
      const found = this.#own(ctx);
      if (found) {
        this.#options.onDelete?.(found);
        this.#volumes.volumes.delete(keyOf(ctx));
        const deletedAt = new Date().toISOString();
        const purgeAt = new Date(Date.now() + TRASH_MS).toISOString();
        const entry = { id: uid, namespace, name, uid, deletedAt, purgeAt, files: found.files };
        this.#volumes.trash.set(uid, { ...entry, ...(record && { record }) });
      }
      if (now) this.#volumes.trash.delete(uid);
    });
  }

  async listTrash(signal: AbortSignal): Promise<TrashEntry[]> {
    return await passGate(
      this.#gate,
      { name: "driver.listTrash", subject: "trash", signal },
      () => [...this.#volumes.trash.values()].map(({ files: _, ...entry }) => entry),
    );
  }

  async listVolumes({ signal }: AccountContext): Promise<ProvidedVolume[]> {
    return await passGate(
      this.#gate,
      { name: "driver.listVolumes", subject: "volumes", signal },
      () =>
        [...this.#volumes.volumes.values()].map((volume) => ({
          handle: volume.handle,
          name: `${volume.namespace}-${volume.name}`,
          region: "memory",
          sizeGb: Math.ceil(volume.sizeBytes / 1e9),
          attached: volume.attached,
          createdFor: {
            installation: volume.installation,
            namespace: volume.namespace,
            name: volume.name,
            uid: volume.uid,
          },
        })),
    );
  }

  attach(ctx: VolumeContext): Promise<void> {
    return this.#call("attach", ctx, () => void (this.#require(ctx).attached = true));
  }

  detach(ctx: VolumeContext): Promise<void> {
    return this.#call("detach", ctx, () => {
      const found = this.#own(ctx);
      if (found) found.attached = false;
    });
  }

  mount(ctx: VolumeContext): Promise<{ path: string } & Growth> {
    return this.#call("mount", ctx, async () => {
      const found = this.#require(ctx);
      if (!found.attached) throw new RuneError("unavailable", `volume ${keyOf(ctx)} is not attached`);
      this.#options.onMount?.(found, ctx);
      if (!found.formatted && !ctx.blank) {
        throw new RuneError("failed_precondition", `volume ${keyOf(ctx)} holds no filesystem`, {
          permanent: false,
        });
      }
      found.formatted = true;
      return { path: await this.#volumes.mount(found), ...this.#volumes.grow(found) };
    });
  }

  unmount(ctx: VolumeContext): Promise<void> {
    return this.#call("unmount", ctx, () => {
      const found = this.#own(ctx);
      if (found) found.mounted = false;
    });
  }

  snapshot(
    ctx: VolumeContext,
    { uid }: SnapshotRef,
    { onCopied }: { onCopied?: () => Promise<void> } = {},
  ): Promise<{ handle: string; sizeBytes: number }> {
    return this.#call("snapshot", ctx, async () => {
      if (!this.capabilities.snapshots) throw cannot(this.name);
      let found = this.#volumes.snapshots.get(uid);
      if (!found) {
        const volume = this.#require(ctx);
        this.#options.onCopy?.(volume, "begins");
        const files = copyOf(volume.files);
        try {
          await this.#gate.enter({ name: "driver.copy", subject: keyOf(ctx), signal: ctx.signal });
        } finally {
          this.#options.onCopy?.(volume, "ends");
        }
        await onCopied?.();
        found = { volumeUid: volume.uid, handle: `memory:snapshot:${uid}`, files };
        this.#volumes.snapshots.set(uid, found);
      }
      return { handle: found.handle, sizeBytes: bytesOf(found.files) };
    });
  }

  deleteSnapshot(ctx: VolumeContext, { uid }: SnapshotRef): Promise<void> {
    return this.#call("deleteSnapshot", ctx, () => void this.#volumes.snapshots.delete(uid));
  }

  materialize(ctx: VolumeContext, source: DataSource): Promise<{ handle: string; adopted: boolean }> {
    return this.#call("materialize", ctx, async () => {
      if (!this.capabilities.sources.includes(source.from)) throw cannot(this.name);
      const from = source.from === "snapshot"
        ? source.snapshot.uid
        : source.from === "trash"
        ? source.id
        : "archive";
      const files = source.from === "archive"
        ? unpack(await new Response(source.data as ReadableStream<Uint8Array<ArrayBuffer>>).text())
        : undefined;
      const found = this.#findMade(ctx, from);
      if (found) return { ...found, adopted: false };
      return { handle: this.#make(ctx, files ?? this.#take(source), from).handle, adopted: false };
    });
  }

  expand(ctx: VolumeContext): Promise<Growth> {
    return this.#call("expand", ctx, () => {
      if (!this.capabilities.expand) throw cannot(this.name);
      const found = this.#require(ctx);
      if (found.mounted && !this.capabilities.onlineExpand) {
        throw new RuneError("unavailable", `volume ${keyOf(ctx)} is mounted`);
      }
      found.sizeBytes = Math.max(found.sizeBytes, ctx.volume.sizeBytes);
      return this.#volumes.grow(found);
    });
  }

  exportData(ctx: VolumeContext, snapshot?: SnapshotRef): Promise<ReadableStream<Uint8Array>> {
    return this.#call("exportData", ctx, () => {
      const files = snapshot ? this.#volumes.snapshots.get(snapshot.uid)?.files : this.#require(ctx).files;
      if (!files) throw missingError(`snapshot ${snapshot!.uid} does not exist`);
      return ReadableStream.from([pack(files)]);
    });
  }

  usage(ctx: VolumeContext): Promise<{ usedBytes: number; limitBytes?: number }> {
    return this.#call("usage", ctx, () => {
      const { files, sizeBytes } = this.#require(ctx);
      return { usedBytes: bytesOf(files), ...(sizeBytes > 0 && { limitBytes: sizeBytes }) };
    });
  }

  async #call<T>(verb: string, ctx: VolumeContext, work: () => T | Promise<T>): Promise<T> {
    const { signal } = ctx;
    checkAborted(describeCall(verb, ctx), signal);
    return await passGate(this.#gate, { name: `driver.${verb}`, subject: keyOf(ctx), signal }, () => {
      checkAborted(describeCall(verb, ctx), signal);
      return work();
    });
  }

  /** The files of a snapshot, or of an entry that leaves the trash. */
  #take(source: DataSource): MemoryFiles {
    if (source.from === "snapshot") {
      const { uid } = source.snapshot;
      const snapshot = this.#volumes.snapshots.get(uid);
      if (!snapshot) throw missingError(`snapshot ${uid} does not exist`);
      return copyOf(snapshot.files);
    }
    const id = source.from === "trash" ? source.id : "";
    const entry = this.#volumes.trash.get(id);
    if (!entry) throw missingError(`the trash has no entry ${id}`);
    this.#volumes.trash.delete(id);
    return entry.files;
  }

  #find(ctx: VolumeContext): MemoryVolume | undefined {
    return this.#volumes.volumes.get(keyOf(ctx));
  }

  /** The volume with this uid. Another one in its place is not touched. */
  #own(ctx: VolumeContext): MemoryVolume | undefined {
    const found = this.#find(ctx);
    return found?.uid === ctx.volume.uid ? found : undefined;
  }

  #require(ctx: VolumeContext): MemoryVolume {
    const found = this.#own(ctx);
    if (found) return found;
    throw new RuneError("not_found", `volume ${keyOf(ctx)} is not there`);
  }

  /**
   * Finds the volume that an earlier call created from the same source.
   * @throws {RuneError} `already_exists` if there is another.
   */
  #findMade(ctx: VolumeContext, from: string): { handle: string } | undefined {
    const found = this.#find(ctx);
    if (!found) return undefined;
    if (found.uid === ctx.volume.uid && found.madeFrom === from) return { handle: found.handle };
    throw new RuneError("already_exists", `there is data where volume ${keyOf(ctx)} goes`, {
      permanent: true,
    });
  }

  #make(ctx: VolumeContext, files: MemoryFiles, madeFrom?: string): MemoryVolume {
    const { volume: { namespace, name, uid, sizeBytes }, installation } = ctx;
    const made: MemoryVolume = {
      ...{ namespace, name, uid, installation, sizeBytes, files },
      handle: `memory:${namespace}/${name}`,
      formatted: madeFrom !== undefined || !this.capabilities.blockDevice,
      filesystemBytes: 0,
      attached: false,
      mounted: false,
      ...(madeFrom !== undefined && { madeFrom }),
    };
    this.#volumes.volumes.set(keyOf(ctx), made);
    return made;
  }
}

const keyOf = ({ volume: { namespace, name } }: VolumeContext) => `${namespace}/${name}`;
const bytesOf = (files: MemoryFiles) => [...files.values()].reduce((sum, { length }) => sum + length, 0);
const cannot = (name: string) =>
  new RuneError("failed_precondition", `the driver ${name} cannot do that`, { permanent: true });
const missingError = (message: string) => new RuneError("not_found", message, { permanent: true });

function pack(files: MemoryFiles): Uint8Array {
  return new TextEncoder().encode(
    JSON.stringify([...files].map(([path, data]) => [path, data.toBase64()])),
  );
}

function unpack(text: string): MemoryFiles {
  try {
    const files = JSON.parse(text) as [string, string][];
    return new Map(files.map(([path, data]) => [path, Uint8Array.fromBase64(data)]));
  } catch (cause) {
    throw new RuneError("invalid_argument", "the archive is not whole", { cause });
  }
}
