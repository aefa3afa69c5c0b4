/**
 * A small block-device driver for tests: an image file behind a loop device. It tests `block.ts` and the
 * block half of the conformance suite without a cloud. The daemon does not use it.
 * @module
 */
import { join } from "node:path";
import { RuneError } from "../model/error.ts";
import { describeCall } from "./describe_call.ts";
import type { Driver, DriverCapabilities, Growth, VolumeContext } from "./driver.ts";
import { lookAtDirectory } from "./directories.ts";
import { mountBlock, unmountBlock } from "./block.ts";
import { attachLoopDevice, detachLoopDevice, findLoopDevice, type FsType, growMounted } from "./devices.ts";
import { diskUsage, findMount, run } from "./host.ts";
import { callError, checkAborted, errnoOf } from "./host_error.ts";
import { KeyedLock } from "../base/keyed_lock.ts";
import { createBegunNotes } from "./begun_notes.ts";
import { refuseIssues, unknownParameters } from "./parameters.ts";

/** Manages volumes as image files in one directory, with their mount points beside them. */
export class LoopTestDriver implements Driver {
  readonly name = "loop-test";
  readonly capabilities: DriverCapabilities = {
    accessModes: ["ReadWriteOnce"],
    snapshots: false,
    sources: [],
    expand: true,
    onlineExpand: true,
    blockDevice: true,
    reclaimDelete: true,
    processMounts: false,
    scope: "host",
  };
  readonly #root: string;
  readonly #fsType: FsType;
  readonly #locks = new KeyedLock();

  constructor(options: { root: string; fsType: FsType }) {
    this.#root = options.root;
    this.#fsType = options.fsType;
  }

  validate(request: { parameters: Record<string, string> }): void {
    refuseIssues(this.name, unknownParameters(request.parameters, { driver: this.name, known: [] }));
  }

  async provision(ctx: VolumeContext): Promise<{ handle: string; adopted: boolean }> {
    return await this.#call("provision", ctx, async () => {
      const image = this.#image(ctx);
      if (await sizeOf(image) === undefined) {
        await Deno.writeFile(`${image}.new`, new Uint8Array());
        await Deno.truncate(`${image}.new`, ctx.volume.sizeBytes);
        await Deno.rename(`${image}.new`, image);
      }
      return { handle: image, adopted: false };
    });
  }

  async delete(ctx: VolumeContext): Promise<void> {
    await this.#call("delete", ctx, async () => {
      await this.#requireDetached(ctx);
      await Deno.remove(this.#directory(ctx)).catch(ignoreMissing);
      await Deno.remove(this.#image(ctx)).catch(ignoreMissing);
    });
  }

  async attach(ctx: VolumeContext): Promise<void> {
    await this.#call("attach", ctx, async () => {
      if (await this.#device(ctx) === undefined) await attachLoopDevice(this.#image(ctx), ctx.signal);
    });
  }

  async detach(ctx: VolumeContext): Promise<void> {
    await this.#call("detach", ctx, async () => {
      for (let device; (device = await this.#device(ctx)) !== undefined;) {
        await detachLoopDevice(device, ctx.signal).catch(async (error) => {
          // The kernel has finished an earlier detach in the meantime.
          if (await this.#device(ctx) === device) throw error;
        });
      }
    });
  }

  async mount(ctx: VolumeContext): Promise<{ path: string } & Growth> {
    return await this.#call("mount", ctx, async () => {
      const { signal } = ctx;
      const device = await this.#device(ctx);
      if (device === undefined) {
        throw new RuneError("unavailable", `${describeCall("mount", ctx)}: not attached`);
      }
      const path = this.#directory(ctx);
      if (await lookAtDirectory(path) === "absent") await Deno.mkdir(path);
      const notes = createBegunNotes(join(this.#root, "formatting"));
      const volume = { device, fsType: this.#fsType, uid: ctx.volume.uid, blank: ctx.blank, notes };
      return { path, ...await mountBlock(volume, { directory: path, signal }) };
    });
  }

  async unmount(ctx: VolumeContext): Promise<void> {
    await this.#call("unmount", ctx, () => unmountBlock(this.#directory(ctx), ctx.signal));
  }

  async snapshot(ctx: VolumeContext): Promise<never> {
    throw new RuneError("failed_precondition", `${describeCall("snapshot", ctx)}: the driver cannot`);
  }

  async deleteSnapshot(ctx: VolumeContext): Promise<void> {
    checkAborted(describeCall("deletion of a snapshot", ctx), ctx.signal);
  }

  async materialize(ctx: VolumeContext): Promise<never> {
    throw new RuneError("failed_precondition", `${describeCall("filling", ctx)}: the driver cannot`);
  }

  async expand(ctx: VolumeContext): Promise<Growth> {
    return await this.#call("expand", ctx, async () => {
      const size = await sizeOf(this.#image(ctx));
      if (size === undefined) throw new RuneError("not_found", `${this.#image(ctx)} is gone`);
      if (size < ctx.volume.sizeBytes) await Deno.truncate(this.#image(ctx), ctx.volume.sizeBytes);
      const { signal } = ctx;
      const device = await this.#device(ctx);
      if (device === undefined) return {};
      await run("losetup", ["--set-capacity", device], { what: `growth of ${device}`, signal });
      const directory = this.#directory(ctx);
      if (!await findMount(directory)) return {};
      return await growMounted(directory, { device, fsType: this.#fsType, signal });
    });
  }

  async usage(ctx: VolumeContext): Promise<{ usedBytes: number; limitBytes?: number }> {
    return await this.#call("measuring", ctx, async () => ({
      usedBytes: await diskUsage(this.#image(ctx), ctx.signal),
      limitBytes: await sizeOf(this.#image(ctx)),
    }));
  }

  async #call<T>(verb: string, ctx: VolumeContext, work: () => Promise<T>): Promise<T> {
    const what = describeCall(verb, ctx);
    try {
      checkAborted(what, ctx.signal);
      return await this.#locks.run([ctx.volume.uid], { work, signal: ctx.signal });
    } catch (error) {
      throw callError(error, { what, signal: ctx.signal });
    }
  }

  #image({ volume }: VolumeContext): string {
    return join(this.#root, `${volume.uid}.img`);
  }

  #directory({ volume }: VolumeContext): string {
    return join(this.#root, volume.uid);
  }

  async #device(ctx: VolumeContext): Promise<string | undefined> {
    return await findLoopDevice(this.#image(ctx), ctx.signal);
  }

  async #requireDetached(ctx: VolumeContext): Promise<void> {
    const device = await this.#device(ctx);
    if (device !== undefined) {
      throw new RuneError("unavailable", `volume ${ctx.volume.name} is attached as ${device}`);
    }
  }
}

async function sizeOf(path: string): Promise<number | undefined> {
  return (await Deno.stat(path).catch(ignoreMissing))?.size;
}

function ignoreMissing(error: unknown): undefined {
  if (errnoOf(error) !== "ENOENT") throw error;
}
