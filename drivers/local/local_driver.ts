/**
 * The driver `local`: a volume is a directory `<root>/<namespace>/<name>`. Volumes appear by an atomic
 * rename, and move to a trash when they are deleted, so nothing partial is ever visible. The host's `cp`
 * copies them. The driver does not know who mounts them.
 * @module
 */
import type { FileHandle } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { moveEntry } from "../../base/durable.ts";
import { RuneError } from "../../model/error.ts";
import { BUILT_IN_DRIVER } from "../built_in.ts";
import { packTree, unpackTree } from "../archive.ts";
import { describeCall } from "../describe_call.ts";
import type {
  DataSource,
  DeleteOptions,
  Driver,
  Growth,
  SnapshotRef,
  VolumeContext,
  VolumeRequest,
} from "../driver.ts";
import { ensureDirectory, lookAtDirectory } from "../directories.ts";
import { type Filesystem, FilesystemAway } from "../../model/filesystem.ts";
import { diskUsage } from "../host.ts";
import { callError, checkAborted, hostError } from "../host_error.ts";
import { KeyedLock } from "../../base/keyed_lock.ts";
import { LOCAL_CAPABILITIES, type LocalOptions } from "./options.ts";
import { LocalLayout, normalizeRoot } from "./layout.ts";
import { copyDurably, snapshotGone, snapshotKey } from "./copy.ts";
import { LocalRoot } from "./root.ts";
import { removeMarker } from "./marker.ts";
import { LOCAL_PARAMETER_KEYS } from "./parameters.ts";
import { VolumeMaker } from "./volume_maker.ts";
import { LocalTrash, type LocalTrashEntry } from "./trash.ts";
import { openDirectory } from "../open_directory.ts";
import { refuseIssues, refuseUnknown, wrongFlags } from "../parameters.ts";

const PREPARE_MS = 60_000;
const DEFAULT_RETENTION_MS = 24 * 3_600_000;

/**
 * Manages volumes as directories below one root. Only one object may use a root, since its locks are in
 * memory.
 */
export class LocalDriver implements Driver {
  readonly name = BUILT_IN_DRIVER;
  readonly capabilities = LOCAL_CAPABILITIES;
  #options: LocalOptions;
  readonly #layout: LocalLayout;
  readonly #trash: LocalTrash;
  readonly #locks = new KeyedLock();
  readonly #root: LocalRoot;
  readonly #maker: VolumeMaker;

  /** @throws {RuneError} `invalid_argument` if the root is not an absolute path. */
  constructor(options: LocalOptions) {
    this.#options = options;
    this.#layout = new LocalLayout(normalizeRoot(options.root));
    const { owner, memory } = options;
    this.#root = new LocalRoot(this.#layout, {
      ...(owner && { owner }),
      ...(memory !== undefined && { memory }),
    });
    this.#maker = new VolumeMaker(this.#layout, { root: this.#root, owner });
    this.#trash = new LocalTrash(this.#layout, options.trashRetentionMs ?? DEFAULT_RETENTION_MS);
  }

  /** Changes the options that may change while it is in use: all except the root. */
  configure(options: Omit<LocalOptions, "root" | "owner" | "memory">): void {
    this.#options = { ...this.#options, ...options };
  }

  /** Releases the lock on the volume root, if it is held. */
  close(): void {
    this.#root.release();
  }

  /**
   * Prepares the volume root. Call it once, before anything else.
   *
   * @returns warnings for the operator, one sentence each.
   * @throws {RuneError} `failed_precondition` if another daemon uses the root.
   */
  async prepare(): Promise<string[]> {
    try {
      await this.#root.enter(AbortSignal.timeout(PREPARE_MS));
      return (await this.#layout.close()).map((path) =>
        `${path} belongs to another user and is open to others: chmod 700 ${path}`
      );
    } catch (error) {
      // Its disk may be mounted later, even after the start of the daemon.
      if (error instanceof FilesystemAway) return [`${error.message}; ${error.hint}`];
      throw hostError(`preparation of the volume root ${this.#layout.root}`, error);
    }
  }

  validate({ parameters }: VolumeRequest): void {
    refuseIssues(this.name, wrongFlags(this.normalizeParameters(parameters), LOCAL_PARAMETER_KEYS));
  }

  normalizeParameters(parameters: Record<string, string>): Record<string, string> {
    return refuseUnknown(parameters, { driver: this.name, known: LOCAL_PARAMETER_KEYS });
  }

  directory(request: VolumeRequest): string {
    return this.#layout.volume(request);
  }

  async provision(ctx: VolumeContext): Promise<{ handle: string; adopted: boolean }> {
    return await this.#exclusive(ctx, { verb: "provision" }, async (directory) => {
      const marker = await this.#maker.readOwn(ctx);
      const found = await lookAtDirectory(directory);
      if (marker === undefined && found !== "absent") {
        const adopted = found === "filled";
        await this.#maker.mark(ctx, { state: "ready", adopted });
        return { handle: directory, adopted };
      }
      // 0755 and the daemon's user, like a directory that Docker creates for a bind mount. fsUser, fsGroup
      // and fsMode change it.
      return await this.#maker.make(ctx, { marker, fill: (path) => ensureDirectory(path, 0o755) });
    });
  }

  async filesystem(ctx: VolumeContext): Promise<Filesystem | undefined> {
    // The operator has changed the root since then. The marker in the new root says who owns the directory.
    if (ctx.handle !== undefined && ctx.handle !== this.#layout.volume(ctx.volume)) return undefined;
    try {
      return await this.#root.filesystemOf(ctx);
    } catch (error) {
      throw hostError(describeCall("look at the filesystem", ctx), error);
    }
  }

  async delete(ctx: VolumeContext, options: DeleteOptions = {}): Promise<void> {
    await this.#exclusive(ctx, { verb: "delete" }, async (directory) => {
      if (this.#options.preserveOnDelete) return;
      const { volume, signal } = ctx;
      const marker = await this.#maker.read(volume);
      // Without a marker of this volume, only the handle in the store proves that the directory is its own: a
      // restored backup may lack markers. A marker of another volume means that the name was reused.
      if (marker ? marker.uid !== volume.uid : ctx.handle !== directory) {
        if (!marker) await removeMarker(this.#layout, volume);
        return;
      }
      await this.#maker.removeLeftovers(directory, { signal });
      if (await lookAtDirectory(directory) !== "absent") {
        await this.#withLocks(
          ["trash"],
          { what: describeCall("delete", ctx), signal },
          () => this.#trash.put(directory, { volume, record: options.record }),
        );
      }
      await removeMarker(this.#layout, volume);
      if (this.#options.trashRetentionMs !== 0 && !options.now) return;
      for (const entry of await this.#trash.list()) {
        if (entry.uid === volume.uid) await this.#trash.purge(entry.id, signal);
      }
    });
  }

  async attach(ctx: VolumeContext): Promise<void> {
    checkAborted(describeCall("attach", ctx), ctx.signal);
  }

  async detach(ctx: VolumeContext): Promise<void> {
    checkAborted(describeCall("detach", ctx), ctx.signal);
  }

  async mount(ctx: VolumeContext): Promise<{ path: string }> {
    return await this.#exclusive(ctx, { verb: "mount" }, async (directory) => {
      await this.#maker.requireDirectory(ctx, directory);
      // Markers of earlier versions name no daemon.
      const marker = await this.#maker.readOwn(ctx);
      if (marker && marker.daemonId === undefined && this.#options.owner) await this.#maker.mark(ctx, marker);
      return { path: directory };
    });
  }

  async open(ctx: VolumeContext): Promise<FileHandle> {
    return await this.#exclusive(ctx, { verb: "opening" }, async (directory) => {
      await this.#maker.requireDirectory(ctx, directory);
      // The root may be a link, since the operator has placed it. Below it only root can create one.
      return await openDirectory(
        join(await Deno.realPath(this.#layout.root), relative(this.#layout.root, directory)),
      );
    });
  }

  async unmount(ctx: VolumeContext): Promise<void> {
    checkAborted(describeCall("unmount", ctx), ctx.signal);
  }

  async snapshot(
    ctx: VolumeContext,
    snapshot: SnapshotRef,
    options: { onCopied?: () => Promise<void> } = {},
  ): Promise<{ handle: string; sizeBytes: number }> {
    const copy = this.#layout.snapshot(snapshot);
    const { signal } = ctx;
    return await this.#exclusive(ctx, { verb: "snapshot", snapshot }, async (directory) => {
      if (await lookAtDirectory(copy) === "absent") {
        await this.#maker.requireDirectory(ctx, directory);
        await this.#layout.ensureParent(copy);
        await this.#maker.appear(copy, {
          signal,
          fill: (target) => copyDurably(directory, { ...options, target, signal }),
        });
      }
      return { handle: copy, sizeBytes: await diskUsage(copy, signal) };
    });
  }

  async deleteSnapshot(ctx: VolumeContext, snapshot: SnapshotRef): Promise<void> {
    const target = this.#layout.snapshot(snapshot);
    const what = `deletion of snapshot ${snapshot.namespace}/${snapshot.name}`;
    await this.#withLocks([snapshotKey(snapshot)], { what, signal: ctx.signal }, async () => {
      if (await lookAtDirectory(target) !== "absent") {
        await moveEntry(target, this.#layout.makeHiddenPath(target, "removing"));
      }
      await this.#maker.removeLeftovers(target, { signal: ctx.signal, strict: true });
    });
  }

  materialize(ctx: VolumeContext, source: DataSource): Promise<{ handle: string; adopted: boolean }> {
    switch (source.from) {
      case "snapshot":
        return this.#restore(ctx, source.snapshot);
      case "trash":
        return this.#undelete(ctx, source.id);
      case "archive":
        return this.#import(ctx, source.data);
    }
  }

  async #restore(ctx: VolumeContext, snapshot: SnapshotRef): Promise<{ handle: string; adopted: boolean }> {
    const source = this.#layout.snapshot(snapshot);
    const { signal } = ctx;
    return await this.#exclusive(ctx, { verb: "restore", snapshot }, async (directory) => {
      const marker = await this.#maker.readOwn(ctx);
      if (marker === undefined) await this.#maker.makeRoom(ctx, directory);
      return await this.#maker.make(ctx, {
        marker,
        fill: async (target) => {
          if (await lookAtDirectory(source) === "absent") throw snapshotGone(snapshot, source);
          await copyDurably(source, { target, signal });
        },
      });
    });
  }

  async exportData(ctx: VolumeContext, snapshot?: SnapshotRef): Promise<ReadableStream<Uint8Array>> {
    try {
      await this.#root.enter(ctx.signal, ctx);
      if (snapshot) {
        const copy = this.#layout.snapshot(snapshot);
        if (await lookAtDirectory(copy) === "absent") throw snapshotGone(snapshot, copy);
        return packTree(copy, ctx.signal);
      }
      const directory = await this.#directory(ctx);
      await this.#maker.requireDirectory(ctx, directory);
      return packTree(directory, ctx.signal);
    } catch (error) {
      throw hostError(describeCall("export", ctx), error);
    }
  }

  async #import(
    ctx: VolumeContext,
    data: ReadableStream<Uint8Array>,
  ): Promise<{ handle: string; adopted: boolean }> {
    return await this.#exclusive(ctx, { verb: "import" }, async (directory) => {
      const own = await this.#maker.readOwn(ctx);
      const here = own !== undefined && await lookAtDirectory(directory) !== "absent";
      if (here) await data.cancel();
      else await this.#maker.makeRoom(ctx, directory);
      const { handle } = await this.#maker.make(ctx, {
        marker: here ? own : undefined,
        fill: (target) => unpackTree(data, { target, signal: ctx.signal }),
      });
      return { handle, adopted: false };
    });
  }

  async expand(ctx: VolumeContext): Promise<Growth> {
    checkAborted(describeCall("expand", ctx), ctx.signal);
    return {};
  }

  async usage(ctx: VolumeContext): Promise<{ usedBytes: number }> {
    try {
      await this.#root.enter(ctx.signal, ctx);
      const directory = await this.#directory(ctx);
      await this.#maker.requireDirectory(ctx, directory);
      return { usedBytes: await diskUsage(directory, ctx.signal) };
    } catch (error) {
      throw hostError(describeCall("measuring", ctx), error);
    }
  }

  /** Lists the deleted volumes in the trash, oldest first. */
  async listTrash(signal: AbortSignal): Promise<LocalTrashEntry[]> {
    try {
      await this.#root.enter(AbortSignal.any([signal, AbortSignal.timeout(PREPARE_MS)]));
      return await this.#trash.list();
    } catch (error) {
      throw hostError("listing of the trash", error);
    }
  }

  /** @param id the id of the entry in the trash. */
  async #undelete(ctx: VolumeContext, id: string): Promise<{ handle: string; adopted: boolean }> {
    return await this.#exclusive(ctx, { verb: "undelete" }, async (directory) => {
      const entry = await this.#trash.find(id);
      const waiting = entry !== undefined && await lookAtDirectory(entry.path) !== "absent";
      if (waiting) {
        await this.#maker.makeRoom(ctx, directory);
        await this.#layout.ensureParent(directory);
        await this.#maker.mark(ctx, { state: "making", adopted: false, from: id });
        await moveEntry(entry.path, directory);
      } else if (
        await lookAtDirectory(directory) === "absent" || (await this.#maker.readOwn(ctx))?.from !== id
      ) {
        throw new RuneError("not_found", `the trash has no volume ${id}`, {
          hint: "its data was purged, or it was never deleted",
          permanent: true,
        });
      }
      await this.#maker.mark(ctx, { state: "ready", adopted: false, from: id });
      if (entry !== undefined) await this.#trash.clear(id);
      return { handle: directory, adopted: false };
    });
  }

  /**
   * Destroys entries of the trash that are due. `isDue` gets the time of deletion (RFC 3339).
   * @returns the destroyed entries.
   */
  async purgeTrash(isDue: (deletedAt: string) => boolean, signal: AbortSignal): Promise<LocalTrashEntry[]> {
    return await this.#withLocks(["purge"], { what: "purge of the trash", signal }, async () => {
      const due = (await this.#trash.list()).filter((entry) => isDue(entry.deletedAt));
      for (const entry of due) await this.#trash.purge(entry.id, signal);
      return due;
    });
  }

  /**
   * Removes what interrupted calls of earlier processes left. Does not touch anything of this object.
   *
   * @throws {RuneError} `unavailable` if something could not be removed, for example because a copy outlived
   * its daemon. Everything else is removed.
   */
  async sweep(signal: AbortSignal): Promise<void> {
    const call = { what: "sweep of the volume root", signal };
    await this.#withLocks(["sweep"], call, async () => {
      const failure = await this.#maker.sweepLeftovers(signal);
      await this.#trash.sweepPurges(signal);
      await this.#withLocks(["trash"], call, () => this.#trash.sweepEmpty());
      if (failure) throw failure.reason;
    });
  }

  /** Runs work on a volume and, if one is given, a snapshot, with a lock on both. */
  async #exclusive<T>(
    ctx: VolumeContext,
    call: { verb: string; snapshot?: SnapshotRef },
    work: (directory: string) => Promise<T>,
  ): Promise<T> {
    const key = this.#layout.volume(ctx.volume);
    return await this.#withLocks(
      call.snapshot ? [snapshotKey(call.snapshot), key] : [key],
      { what: describeCall(call.verb, ctx), signal: ctx.signal, ctx },
      async () => work(await this.#directory(ctx)),
    );
  }

  /**
   * The path of the volume.
   * @throws {RuneError} `failed_precondition` if its namespace is a symbolic link or a file.
   */
  async #directory(ctx: VolumeContext): Promise<string> {
    const directory = this.#layout.volume(ctx.volume);
    await lookAtDirectory(dirname(directory));
    return directory;
  }

  async #withLocks<T>(
    keys: string[],
    options: { what: string; signal: AbortSignal; ctx?: VolumeContext },
    work: () => Promise<T>,
  ): Promise<T> {
    checkAborted(options.what, options.signal);
    try {
      await this.#root.enter(options.signal, options.ctx);
      return await this.#locks.run(keys, { work, signal: options.signal });
    } catch (error) {
      throw callError(error, options);
    }
  }
}
