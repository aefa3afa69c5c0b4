/**
 * The driver `do-volume`: a volume is a volume of DigitalOcean's Block Storage, attached to the droplet that
 * this host is. See docs/digitalocean.md.
 * @module
 */
import { statfsSync } from "node:fs";
import { join } from "node:path";
import { KeyedLock } from "../../base/keyed_lock.ts";
import { RuneError } from "../../model/error.ts";
import { deviceNumber, mountBlock, unmountBlock } from "../block.ts";
import { describeCall } from "../describe_call.ts";
import { growMounted } from "../devices.ts";
import type {
  AccountContext,
  DataSource,
  Driver,
  Growth,
  ProvidedVolume,
  SnapshotRef,
  VolumeContext,
  VolumeRequest,
} from "../driver.ts";
import type { BegunNotes } from "../begun_notes.ts";
import { findMount, listMounts, type MountEntry } from "../host.ts";
import { callError, checkAborted } from "../host_error.ts";
import { refuseIssues, unknownParameters } from "../parameters.ts";
import { DO_VOLUME_CAPABILITIES } from "./capabilities.ts";
import type { Cloud } from "./cloud.ts";
import { assertRegion } from "./attachments.ts";
import { awaitDevice, awaitNoDevice, BUSY_HINT, type DevicePlaces, findDevice } from "./device.ts";
import type { Asker } from "./droplets.ts";
import { describeCreated } from "./listing.ts";
import { normalizeParameters } from "./normal_form.ts";
import { assertCreatedFor, assertFree, assertOurs, describeVolume, isAdopted, nameOf } from "./ownership.ts";
import { DO_VOLUME_PARAMETERS, type DoVolumeParameters, findWrong, readParameters } from "./parameters.ts";
import { bytesOf, gigabytesOf } from "./sizes.ts";
import { StillInUse } from "./volumes.ts";
import type { DoVolume } from "./wire.ts";

/** What the driver needs besides the cloud. */
export interface DoDriverOptions {
  cloud: Cloud;
  /** The directory of the mount points. Absolute, without symbolic links. */
  mountRoot: string;
  notes: BegunNotes;
}

/** A call with its parameters read. */
interface Call {
  parameters: DoVolumeParameters;
  asker: Asker;
}

const PARAMETERS = Object.keys(DO_VOLUME_PARAMETERS);

/** See the module comment. */
export class DoVolumeDriver implements Driver {
  readonly name = "do-volume";
  readonly capabilities = DO_VOLUME_CAPABILITIES;
  readonly #cloud: Cloud;
  readonly #mountRoot: string;
  readonly #notes: BegunNotes;
  readonly #locks = new KeyedLock();
  /** What is attached here, by its id, so that mounting it needs no request. */
  readonly #attached = new Map<string, DoVolume>();

  constructor({ cloud, mountRoot, notes }: DoDriverOptions) {
    this.#cloud = cloud;
    this.#mountRoot = mountRoot;
    this.#notes = notes;
  }

  validate({ parameters }: VolumeRequest): void {
    const issues = [
      ...unknownParameters(parameters, { driver: this.name, known: PARAMETERS }),
      ...findWrong(parameters),
    ];
    refuseIssues(this.name, issues);
  }

  normalizeParameters(parameters: Record<string, string>): Record<string, string> {
    return normalizeParameters(parameters);
  }

  async provision(ctx: VolumeContext): Promise<{ handle: string; adopted: boolean }> {
    return await this.#call("provision", ctx, async ({ asker, parameters: { region, volumeId } }) => {
      const { reader, volumes, droplets } = this.#cloud;
      const sizeGb = gigabytesOf(ctx.volume.sizeBytes);
      const known = ctx.handle ?? volumeId;
      let volume: DoVolume;
      if (known === undefined) {
        volume = await volumes.create(
          { name: nameOf(ctx), region, sizeGb, description: describeVolume(ctx) },
          asker,
        );
        assertOurs(volume, ctx);
      } else {
        volume = await reader.read(known, asker);
        assertRegion(volume, region);
        if (volumeId !== undefined) assertFree(volume, ctx);
      }
      const adopted = isAdopted(volume, ctx);
      // Another host of the same name may use it.
      if (adopted) await droplets.findOwn(ctx.node, asker);
      await volumes.grow(volume, sizeGb, asker);
      return { handle: volume.id, adopted };
    });
  }

  async delete(ctx: VolumeContext): Promise<void> {
    await this.#call("delete", ctx, async ({ asker, parameters }) => {
      const { reader, volumes, droplets } = this.#cloud;
      const { handle } = ctx;
      const volume = handle === undefined
        ? await volumes.searchNamed({ name: nameOf(ctx), region: parameters.region }, asker)
        : await reader.search(handle, asker);
      const wasAdopted = volume !== undefined && isAdopted(volume, ctx);
      // A daemon that was killed may have created it. What was there before is not this volume's.
      if (handle === undefined && (!volume || wasAdopted)) return;
      // Another host of the same name may use it.
      if (wasAdopted) await droplets.findOwn(ctx.node, asker);
      const id = handle ?? volume!.id;
      const wasThere = volume !== undefined && await volumes.delete(id, asker).catch(async (error) => {
        if (!(error instanceof StillInUse)) throw error;
        // A daemon that was killed may have asked for the attachment, and nobody saw it completed.
        await this.#detach(id, ctx, asker);
        return await volumes.delete(id, asker);
      });
      if (!wasThere) await droplets.assertAccount(`volume ${id}`, { ...asker, node: ctx.node });
      this.#attached.delete(id);
      await this.#notes.remove(id);
      await removeDirectory(this.#directory(id));
    });
  }

  async listVolumes({ parameters, signal }: AccountContext): Promise<ProvidedVolume[]> {
    const what = "list of volumes at DigitalOcean";
    try {
      checkAborted(what, signal);
      const { token } = readParameters(parameters);
      return describeCreated(await this.#cloud.volumes.list({ token, signal }));
    } catch (error) {
      throw callError(error, { what, signal });
    }
  }

  async attach(ctx: VolumeContext): Promise<void> {
    await this.#call("attach", ctx, async ({ asker, parameters: { region } }) => {
      const id = requireHandle(ctx);
      const volume = await this.#cloud.attachments.attach(id, { ...asker, node: ctx.node, region });
      await this.#awaitDevice(volume, ctx.signal);
      this.#attached.set(id, volume);
    });
  }

  async detach(ctx: VolumeContext): Promise<void> {
    await this.#call("detach", ctx, async ({ asker }) => {
      if (ctx.handle !== undefined) await this.#detach(ctx.handle, ctx, asker);
    });
  }

  async mount(ctx: VolumeContext): Promise<{ path: string } & Growth> {
    return await this.#call("mount", ctx, async ({ asker, parameters: { fsType } }) => {
      const id = requireHandle(ctx);
      const volume = this.#attached.get(id) ?? await this.#cloud.reader.read(id, asker);
      // If something is wrong, perhaps what is remembered is.
      this.#attached.delete(id);
      await this.#cloud.droplets.assertHere(volume);
      const device = await this.#awaitDevice(volume, ctx.signal);
      const path = this.#directory(id);
      await Deno.mkdir(path, { recursive: true, mode: 0o700 });
      const block = { device, fsType, uid: id, blank: ctx.blank, notes: this.#notes, busyHint: BUSY_HINT };
      const { deviceMs } = this.#cloud.waits;
      const growth = await mountBlock(block, {
        directory: path,
        signal: ctx.signal,
        options: ["noatime"],
        ...(deviceMs !== undefined && { busyMs: deviceMs }),
      });
      this.#attached.set(id, volume);
      return { path, ...growth };
    });
  }

  async unmount(ctx: VolumeContext): Promise<void> {
    // Its parameters may be wrong by now.
    await this.#run("unmount", ctx, async () => {
      if (ctx.handle !== undefined) await unmountBlock(this.#directory(ctx.handle), ctx.signal);
    });
  }

  async snapshot(
    ctx: VolumeContext,
    ref: SnapshotRef,
    { onCopied }: { onCopied?: () => Promise<void> } = {},
  ): Promise<{ handle: string; sizeBytes: number }> {
    return await this.#call("snapshot", ctx, async ({ asker }) => {
      const id = requireHandle(ctx);
      const mounted = await this.#findOwnMount(id, asker);
      if (!mounted) await this.#assertUnused(id, ctx, asker);
      const taken = await this.#cloud.snapshots.take(id, ref, {
        ...asker,
        ...(mounted && { mounted: mounted.directory }),
        ...(onCopied && { onCopied }),
      });
      return { handle: taken.id, sizeBytes: bytesOf(taken.min_disk_size) };
    });
  }

  async deleteSnapshot(ctx: VolumeContext, ref: SnapshotRef): Promise<void> {
    await this.#call("deletion of a snapshot", ctx, async ({ asker }) => {
      const { handle: volumeId } = ctx;
      await this.#cloud.snapshots.delete(ref, {
        ...{ ...asker, node: ctx.node },
        ...(volumeId !== undefined && { volumeId }),
      });
    });
  }

  async materialize(ctx: VolumeContext, source: DataSource): Promise<{ handle: string; adopted: boolean }> {
    return await this.#call("restore", ctx, async ({ asker, parameters: { region } }) => {
      if (source.from !== "snapshot") {
        throw new RuneError(
          "failed_precondition",
          `${describeCall("restore", ctx)}: the driver restores snapshots only`,
        );
      }
      const { volumes, snapshots } = this.#cloud;
      const { handle } = source.snapshot;
      if (handle === undefined) {
        throw new RuneError("not_found", `snapshot ${source.snapshot.name} has no copy`);
      }
      const snapshot = await snapshots.read(handle, asker);
      const sizeGb = gigabytesOf(ctx.volume.sizeBytes);
      if (sizeGb < snapshot.min_disk_size) {
        throw new RuneError(
          "invalid_argument",
          `dovolume: the snapshot needs ${snapshot.min_disk_size} GB, found ${sizeGb} GB`,
          { hint: `set size to ${snapshot.min_disk_size}G or more`, permanent: true },
        );
      }
      if (!snapshot.regions.includes(region)) {
        throw new RuneError(
          "failed_precondition",
          `dovolume: region: the snapshot is in ${snapshot.regions.join(", ")}, expected ${region}`,
          { hint: "DigitalOcean moves no snapshots between regions", permanent: true },
        );
      }
      const volume = await volumes.create({
        name: nameOf(ctx),
        region,
        sizeGb,
        description: describeVolume(ctx),
        snapshotId: snapshot.id,
      }, asker);
      assertCreatedFor(volume, ctx);
      // DigitalOcean makes it as large as the snapshot.
      await volumes.grow(volume, sizeGb, asker);
      return { handle: volume.id, adopted: false };
    });
  }

  async expand(ctx: VolumeContext): Promise<Growth> {
    return await this.#call("expand", ctx, async ({ asker, parameters: { fsType } }) => {
      const id = requireHandle(ctx);
      const { reader, volumes } = this.#cloud;
      const before = await reader.read(id, asker);
      const volume = await volumes.grow(before, gigabytesOf(ctx.volume.sizeBytes), asker);
      if (this.#attached.has(id)) this.#attached.set(id, volume);
      const mounted = await this.#findOwnMount(id, asker);
      // The filesystem grows at the next mount.
      if (!mounted) return {};
      const device = await this.#awaitDevice(volume, ctx.signal);
      return await growMounted(mounted.directory, { device, fsType, signal: ctx.signal });
    });
  }

  async usage(ctx: VolumeContext): Promise<{ usedBytes: number; limitBytes?: number } | undefined> {
    return await this.#run("measuring", ctx, async () => {
      const path = ctx.handle === undefined ? undefined : this.#directory(ctx.handle);
      if (path === undefined || !await findMount(path)) return undefined;
      const { blocks, bfree, bsize } = statfsSync(path);
      return { usedBytes: (blocks - bfree) * bsize, limitBytes: blocks * bsize };
    });
  }

  async #awaitDevice({ name, size_gigabytes }: DoVolume, signal: AbortSignal): Promise<string> {
    const { places, waits: { deviceMs } } = this.#cloud;
    return await awaitDevice({ name, sizeBytes: bytesOf(size_gigabytes) }, {
      places,
      signal,
      ...(deviceMs !== undefined && { limitMs: deviceMs }),
    });
  }

  /**
   * Finds where a volume is mounted.
   * @throws {RuneError} `conflict`, not permanent, if the device of another volume is mounted there.
   */
  async #findOwnMount(id: string, asker: Asker): Promise<{ directory: string } | undefined> {
    const directory = this.#directory(id);
    const mount = await findMount(directory);
    if (!mount) return undefined;
    const { reader, droplets, places } = this.#cloud;
    const volume = this.#attached.get(id) ?? await reader.read(id, asker);
    await droplets.assertHere(volume);
    const device = await findDevice(volume.name, places);
    if (device !== undefined && await deviceNumber(device) === mount.device) return { directory };
    throw new RuneError(
      "conflict",
      `dovolume: ${mount.source} is mounted at ${directory}, and is not the device of volume ${volume.name}`,
      { hint: `unmount it: umount ${directory}`, permanent: false },
    );
  }

  /** Asserts that nobody writes to a volume that is not mounted at its directory, so cannot be frozen. */
  async #assertUnused(id: string, { node }: VolumeContext, asker: Asker): Promise<void> {
    const { reader, attachments, places } = this.#cloud;
    const volume = await reader.read(id, asker);
    const mount = await findMountOf(volume, places);
    if (mount) throw describeMounted(mount);
    await attachments.assertNotElsewhere(volume, { ...asker, node });
  }

  /** Detaches a volume that is not mounted, and waits until its device has gone. */
  async #detach(id: string, { node, signal }: VolumeContext, asker: Asker): Promise<void> {
    const { reader, droplets, attachments, places, waits: { deviceMs } } = this.#cloud;
    this.#attached.delete(id);
    const volume = await reader.search(id, asker);
    if (!volume) return await droplets.assertAccount(`volume ${id}`, { ...asker, node });
    if (volume.droplet_ids.length === 0) return;
    const mount = await findMount(this.#directory(id)) ?? await findMountOf(volume, places);
    if (mount) throw describeMounted(mount);
    const isHere = await findDevice(volume.name, places) !== undefined;
    await attachments.detach(volume, { ...asker, node, isHere });
    await awaitNoDevice(volume.name, {
      places,
      signal,
      ...(deviceMs !== undefined && { limitMs: deviceMs }),
    });
  }

  /** Runs a call that needs DigitalOcean. */
  async #call<T>(verb: string, ctx: VolumeContext, work: (call: Call) => Promise<T>): Promise<T> {
    return await this.#run(verb, ctx, () => {
      const parameters = readParameters(ctx.parameters);
      return work({ parameters, asker: { token: parameters.token, signal: ctx.signal } });
    });
  }

  /** Runs a call, one at a time for each volume of Rune and for each volume at DigitalOcean. */
  async #run<T>(verb: string, ctx: VolumeContext, work: () => Promise<T>): Promise<T> {
    const what = describeCall(verb, ctx);
    const { signal } = ctx;
    try {
      checkAborted(what, signal);
      const id = ctx.handle ?? ctx.parameters.volumeId;
      // The prefixes keep apart a uid and a volumeId that somebody gave the same text.
      const keys = [`uid ${ctx.volume.uid}`, ...(id === undefined ? [] : [`id ${id}`])];
      return await this.#locks.run(keys, { work, signal });
    } catch (error) {
      throw callError(error, { what, signal });
    }
  }

  /** The mount point of a volume, by its id at DigitalOcean: a fresh store finds the same one. */
  #directory(id: string): string {
    return join(this.#mountRoot, id);
  }
}

function requireHandle(ctx: VolumeContext): string {
  if (ctx.handle !== undefined) return ctx.handle;
  throw new RuneError("failed_precondition", `${describeCall("use", ctx)}: it has not been provisioned`, {
    permanent: false,
  });
}

/** A mount of the device of a volume, wherever it is. Detaching it would leave a dead mount. */
async function findMountOf({ name }: DoVolume, places: DevicePlaces): Promise<MountEntry | undefined> {
  const device = await findDevice(name, places);
  if (device === undefined || !(await Deno.stat(device)).isBlockDevice) return undefined;
  const number = await deviceNumber(device);
  return (await listMounts()).find((mount) => mount.device === number);
}

function describeMounted({ source, mountPoint }: MountEntry): RuneError {
  return new RuneError("unavailable", `dovolume: ${source} is mounted at ${mountPoint}`, {
    hint: `unmount it: umount ${mountPoint}; Rune then goes on by itself`,
  });
}

async function removeDirectory(path: string): Promise<void> {
  await Deno.remove(path).catch(() => {});
}
