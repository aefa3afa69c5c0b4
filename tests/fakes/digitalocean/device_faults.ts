/** Devices that misbehave for a moment after they were attached. @module */
import assert from "node:assert/strict";
import { attachLoop, type LoopDevice, mountReadOnly, removeLoop, unmount } from "./loop_devices.ts";

const GIB = 2 ** 30;
const MIB = 2 ** 20;

/** Something that stands in the way, until it is taken away. */
export interface Obstacle {
  /** The device that the link shows meanwhile. */
  device: LoopDevice;
  /** @returns what was done to it that must never be done. */
  remove(): Promise<string[]>;
}

/** A device of half the size. Nobody may write to it. @param file where its content lies. */
export async function showSmaller(file: string, sizeGb: number): Promise<Obstacle> {
  await makeSparse(file, sizeGb * GIB / 2);
  const device = await attachLoop(file);
  return {
    device,
    async remove() {
      await removeLoop(device);
      const start = new Uint8Array(MIB);
      using content = await Deno.open(file);
      await content.read(start);
      await Deno.remove(file);
      return start.every((byte) => byte === 0) ? [] : ["a device of the wrong size was written to"];
    },
  };
}

/** A device of the right size of which every read fails. @param file where its content would lie. */
export async function showUnreadable(file: string, sizeGb: number): Promise<Obstacle> {
  await makeSparse(file, sizeGb * GIB);
  const device = await attachLoop(file, { direct: true });
  await Deno.truncate(file, 0);
  return {
    device,
    async remove() {
      await removeLoop(device);
      await Deno.remove(file);
      return [];
    },
  };
}

/**
 * Keeps a device busy: mounts it read-only, as the automount rule of DigitalOcean's images does, or opens it
 * for itself where it has no filesystem.
 */
export async function keepBusy(device: LoopDevice, directory: string): Promise<Obstacle> {
  await Deno.mkdir(directory);
  if (await mountReadOnly(device, directory)) {
    return {
      device,
      async remove() {
        await unmount(directory);
        await Deno.remove(directory);
        return [];
      },
    };
  }
  const holder = new Deno.Command("perl", {
    // It ends with its input, so also with the test.
    args: ["-MFcntl", "-e", HOLD, device.path],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const reader = holder.stdout.getReader();
  assert.equal(new TextDecoder().decode((await reader.read()).value), "open\n");
  await reader.cancel();
  return {
    device,
    async remove() {
      await holder.stdin.close();
      await holder.status;
      await Deno.remove(directory);
      return [];
    },
  };
}

const HOLD = 'sysopen(F, $ARGV[0], O_RDONLY | O_EXCL) or die "$!"; $| = 1; print "open\\n"; <STDIN>';

async function makeSparse(file: string, sizeBytes: number): Promise<void> {
  await Deno.writeFile(file, new Uint8Array());
  await Deno.truncate(file, sizeBytes);
}
