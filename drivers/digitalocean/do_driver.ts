/**
 * The driver `do-volume`: a volume is a volume of DigitalOcean's Block Storage, attached to the droplet that
 * this host is. See docs/storage.md.
 * @module
 */
import { statfsSync } from "node:fs";
import { join } from "node:path";
import { KeyedLock } from "../../base/keyed_lock.ts";
import { RuneError } from "../../model/error.ts";
import { deviceNumber, type FormatNotes, mountBlock, unmountBlock } from "../block.ts";
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
import { findMount, listMounts } from "../host.ts";
import { callError, checkAborted } from "../host_error.ts";
import { refuseIssues, unknownParameters } from "../parameters.ts";
import { DO_VOLUME_CAPABILITIES } from "./capabilities.ts";
import type { Cloud } from "./cloud.ts";
import { awaitDevice, findDevice } from "./device.ts";
import type { Asker } from "./droplets.ts";
import { describeCreated } from "./listing.ts";
import { normalizeParameters } from "./normal_form.ts";
import { describeOwner, parseOwner, volumeNameOf } from "./names.ts";
import { DO_VOLUME_PARAMETERS, type DoVolumeParameters, findWrong, readParameters } from "./parameters.ts";
import { bytesOf, gigabytesOf, LARGEST_GB } from "./sizes.ts";
import type { DoVolume } from "./wire.ts";

/** What the driver needs besides the cloud. */
export interface DoDriverOptions {
  cloud: Cloud;
  /** The directory of the mount points. Absolute, without symbolic links. */
  mountRoot: string;
  notes: FormatNotes;
}

/** A call on a volume, with its parameters read. */
interface Call {
  ctx: VolumeContext;
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
  readonly #notes: FormatNotes;
  readonly #locks = new KeyedLock();

  constructor({ cloud, mountRoot, notes }: DoDriverOptions) {
    this.#cloud = cloud;
    this.#mountRoot = mountRoot;
    this.#notes = notes;
  }

  validate({ parameters, sizeBytes }: VolumeRequest): void {
    const issues = [
      ...unknownParameters(parameters, { driver: this.name, known: PARAMETERS }),
      ...findWrong(parameters),
    ];
    refuseIssues(this.name, issues);
    const size = gigabytesOf(sizeBytes);
    if (sizeBytes > 0 && size <= LARGEST_GB) return;
    // The path leads from the parameters to the size.
    throw new RuneError("invalid_argument", `dovolume: expected a size from 1G to ${LARGEST_GB}G`, {
      hint: "DigitalOcean has volumes of 1 to 16384 GB",
    });
  }

  normalizeParameters(parameters: Record<string, string>): Record<string, string> {
    return normalizeParameters(parameters);
  }

  async provision(ctx: VolumeContext): Promise<{ handle: string; adopted: boolean }> {
    return await this.#call("provision", ctx, async (call) => {
      const { cloud: { volumes }, asker, parameters: { region, volumeId } } = { cloud: this.#cloud, ...call };
      const known = ctx.handle ?? volumeId;
      if (known !== undefined) {
        const volume = await volumes.read(known, asker);
        if (volumeId !== undefined) assertFree(volume, ctx);
        await volumes.grow(volume, gigabytesOf(ctx.volume.sizeBytes), asker);
        return { handle: volume.id, adopted: isAdopted(volume, ctx) };
      }
      const { volume } = await volumes.create({
        name: nameOf(ctx),
        region,
        sizeGb: gigabytesOf(ctx.volume.sizeBytes),
        description: describeOwner(ownerOf(ctx)),
      }, asker);
      assertOurs(volume, ctx);
      await volumes.grow(volume, gigabytesOf(ctx.volume.sizeBytes), asker);
      return { handle: volume.id, adopted: isAdopted(volume, ctx) };
    });
  }

  async delete(ctx: VolumeContext): Promise<void> {
    await this.#call("delete", ctx, async ({ asker, parameters }) => {
      const { volumes } = this.#cloud;
      let id = ctx.handle;
      if (id === undefined) {
        // A daemon that was killed may have created it. What was there before is not this volume's.
        const found = await volumes.findNamed({ name: nameOf(ctx), region: parameters.region }, asker);
        if (!found || parseOwner(found.description)?.uid !== ctx.volume.uid) return;
        id = found.id;
      }
      await volumes.delete(id, asker);
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
    });
  }

  async detach(ctx: VolumeContext): Promise<void> {
    await this.#call("detach", ctx, async ({ asker }) => {
      const { handle } = ctx;
      if (handle === undefined) return;
      const { volumes, attachments, places } = this.#cloud;
      const volume = await volumes.find(handle, asker);
      if (!volume || volume.droplet_ids.length === 0) return;
      const device = await findDevice(volume.name, places);
      if (device !== undefined) await assertUnmounted(device);
      await attachments.detach(handle, { ...asker, node: ctx.node });
    });
  }

  async mount(ctx: VolumeContext): Promise<{ path: string } & Growth> {
    return await this.#call("mount", ctx, async ({ asker, parameters: { fsType } }) => {
      const id = requireHandle(ctx);
      const volume = await this.#cloud.volumes.read(id, asker);
      const device = await this.#awaitDevice(volume, ctx.signal);
      const path = this.#directory(id);
      await Deno.mkdir(path, { recursive: true, mode: 0o700 });
      const block = { device, fsType, uid: id, blank: ctx.blank, notes: this.#notes };
      const options = { directory: path, signal: ctx.signal, options: ["noatime"] };
      return { path, ...await mountBlock(block, options) };
    });
  }

  async unmount(ctx: VolumeContext): Promise<void> {
    await this.#call("unmount", ctx, async () => {
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
      const path = this.#directory(id);
      const taken = await this.#cloud.snapshots.take(id, ref, {
        ...asker,
        ...(await findMount(path) && { mounted: path }),
        ...(onCopied && { onCopied }),
      });
      return { handle: taken.id, sizeBytes: bytesOf(taken.min_disk_size) };
    });
  }

  async deleteSnapshot(ctx: VolumeContext, ref: SnapshotRef): Promise<void> {
    await this.#call("deletion of a snapshot", ctx, async ({ asker }) => {
      const { handle: volumeId } = ctx;
      await this.#cloud.snapshots.delete(ref, { ...asker, ...(volumeId !== undefined && { volumeId }) });
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
      const { volume } = await volumes.create({
        name: nameOf(ctx),
        region,
        sizeGb,
        description: describeOwner(ownerOf(ctx)),
        snapshotId: snapshot.id,
      }, asker);
      if (isAdopted(volume, ctx)) throw alreadyThere(volume, ctx);
      // DigitalOcean makes it as large as the snapshot.
      await volumes.grow(volume, sizeGb, asker);
      return { handle: volume.id, adopted: false };
    });
  }

  async expand(ctx: VolumeContext): Promise<Growth> {
    return await this.#call("expand", ctx, async ({ asker, parameters: { fsType } }) => {
      const id = requireHandle(ctx);
      const { volumes, places } = this.#cloud;
      const volume = await volumes.grow(
        await volumes.read(id, asker),
        gigabytesOf(ctx.volume.sizeBytes),
        asker,
      );
      // Attached elsewhere, or not at all: the filesystem grows at the next mount.
      if (await findDevice(volume.name, places) === undefined) return {};
      const device = await this.#awaitDevice(volume, ctx.signal);
      const directory = this.#directory(id);
      if (!await findMount(directory)) return {};
      return await growMounted(directory, { device, fsType, signal: ctx.signal });
    });
  }

  async usage(ctx: VolumeContext): Promise<{ usedBytes: number; limitBytes?: number } | undefined> {
    return await this.#call("measuring", ctx, async () => {
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

  async #call<T>(verb: string, ctx: VolumeContext, work: (call: Call) => Promise<T>): Promise<T> {
    const what = describeCall(verb, ctx);
    const { signal } = ctx;
    try {
      checkAborted(what, signal);
      const parameters = readParameters(ctx.parameters);
      const call = { ctx, parameters, asker: { token: parameters.token, signal } };
      return await this.#locks.run([ctx.volume.uid], { work: () => work(call), signal });
    } catch (error) {
      throw callError(error, { what, signal });
    }
  }

  /** The mount point of a volume, by its id at DigitalOcean: a fresh store finds the same one. */
  #directory(id: string): string {
    return join(this.#mountRoot, id);
  }
}

const ownerOf = ({ installation, volume: { namespace, name, uid } }: VolumeContext) => ({
  installation,
  namespace,
  name,
  uid,
});

const nameOf = (ctx: VolumeContext): string => volumeNameOf(ownerOf(ctx));

/** Whether a volume has data of before: it was not created for this very volume of Rune. */
const isAdopted = ({ description }: DoVolume, { volume: { uid } }: VolumeContext): boolean =>
  parseOwner(description)?.uid !== uid;

/** Asserts that a volume with our name was created by Rune for this name. */
function assertOurs(volume: DoVolume, ctx: VolumeContext): void {
  const owner = parseOwner(volume.description);
  const { installation, namespace, name } = ownerOf(ctx);
  if (owner?.installation === installation && owner.namespace === namespace && owner.name === name) return;
  throw alreadyThere(volume, ctx);
}

/** Asserts that a volume to adopt by its id is not one that Rune made for another volume. */
function assertFree(volume: DoVolume, ctx: VolumeContext): void {
  const owner = parseOwner(volume.description);
  if (!owner || owner.namespace === ctx.volume.namespace && owner.name === ctx.volume.name) return;
  throw new RuneError(
    "already_exists",
    `dovolume: volume ${volume.id} is that of ${owner.namespace}/${owner.name} of ${owner.installation}`,
    { hint: "restore a snapshot of it instead, or name a volume that Rune did not make", permanent: true },
  );
}

function alreadyThere({ name, id }: DoVolume, ctx: VolumeContext): RuneError {
  return new RuneError(
    "already_exists",
    `dovolume: DigitalOcean already has a volume ${name} (${id}), which is not that of ${ctx.volume.namespace}/${ctx.volume.name}`,
    {
      hint: "rename or delete it in DigitalOcean's console, or adopt it with the parameter volumeId",
      permanent: true,
    },
  );
}

function requireHandle(ctx: VolumeContext): string {
  if (ctx.handle !== undefined) return ctx.handle;
  throw new RuneError("failed_precondition", `${describeCall("use", ctx)}: it has not been provisioned`, {
    permanent: false,
  });
}

/** Asserts that a device is mounted nowhere. Detaching a mounted one would leave a dead mount. */
async function assertUnmounted(device: string): Promise<void> {
  const number = await deviceNumber(device);
  const mount = (await listMounts()).find((entry) => entry.device === number);
  if (!mount) return;
  throw new RuneError("unavailable", `dovolume: ${device} is mounted at ${mount.mountPoint}`, {
    hint: `unmount it: umount ${mount.mountPoint}; Rune then detaches it`,
  });
}

async function removeDirectory(path: string): Promise<void> {
  await Deno.remove(path).catch(() => {});
}
