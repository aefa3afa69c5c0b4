import assert from "node:assert/strict";
import { join } from "node:path";
import { scratchDirectory } from "../conformance_trial.ts";
import { attachLoopDevice, detachLoopDevice } from "../devices.ts";
import { run } from "../host.ts";
import { awaitDevice, awaitNoDevice, type DevicePlaces, findDevice } from "./device.ts";

const { signal } = new AbortController();
const canLoop = Deno.uid() === 0 && await Deno.stat("/dev/loop-control").then(() => true, () => false);
const MIB = 1 << 20;
const SIZE = 4 * MIB;

/** A device of a volume, with the directories in which it is looked for. */
interface World {
  places: DevicePlaces;
  device: string;
  image: string;
  /** Links the volume's device, as udev does. */
  link(name: string, target: string): Promise<void>;
  /** Writes what the kernel knows of a device. */
  describe(device: string, files: Record<string, string | Uint8Array>): Promise<void>;
  readKernel(device: string, file: string): Promise<string>;
}

async function withWorld(fn: (world: World) => Promise<void>): Promise<void> {
  const scratch = await scratchDirectory();
  const places = { directory: join(scratch.path, "by-id"), sysfs: join(scratch.path, "sysfs") };
  const image = join(scratch.path, "image");
  for (const path of Object.values(places)) await Deno.mkdir(path);
  await Deno.writeFile(image, new Uint8Array(SIZE));
  const device = await attachLoopDevice(image, signal);
  const kernel = (of: string, file = "") => join(places.sysfs, of.slice("/dev/".length), "device", file);
  try {
    await fn({
      ...{ places, device, image },
      async link(name, target) {
        const path = join(places.directory, `scsi-0DO_Volume_${name}`);
        await Deno.remove(path).catch(() => {});
        await Deno.symlink(target, path);
      },
      async describe(of, files) {
        await Deno.mkdir(kernel(of), { recursive: true });
        for (const [file, content] of Object.entries(files)) {
          await Deno.writeFile(
            kernel(of, file),
            typeof content === "string" ? new TextEncoder().encode(content) : content,
          );
        }
      },
      readKernel: (of, file) => Deno.readTextFile(kernel(of, file)),
    });
  } finally {
    await detachLoopDevice(device, signal);
    await scratch.remove();
  }
}

function test(name: string, fn: (world: World) => Promise<void>) {
  Deno.test({ name: `${name} (needs root and loop devices)`, ignore: !canLoop, fn: () => withWorld(fn) });
}

/** The page for identification, as QEMU writes it: the name, and a number that identifies it too. */
function pageOf(name: string): Uint8Array {
  const text = new TextEncoder().encode(name);
  const parts = [2, 0, 0, text.length, ...text, 1, 3, 0, 8, 0x44, 0x4f, 0x5f, 0x56, 0x6f, 0x6c, 0x75, 0x6d];
  return Uint8Array.of(0, 0x83, 0, parts.length, ...parts);
}

const volumeCalled = (name: string) => ({
  vendor: "DO      \n",
  model: "Volume          \n",
  vpd_pg83: pageOf(name),
});

/** Asserts what is missing now, and that the device is found once `mend` has run. */
async function assertLacks(
  { places, device }: World,
  { lacks, mend }: { lacks: RegExp; mend: () => Promise<unknown> },
): Promise<void> {
  const expected = { name: "data", sizeBytes: SIZE };
  await assert.rejects(awaitDevice(expected, { places, signal, limitMs: 0 }), {
    code: "unavailable",
    message: lacks,
    hint: /Rune tries again/,
  });
  const found = awaitDevice(expected, { places, signal });
  await mend();
  assert.equal(await found, device);
}

test("awaitDevice() waits for a device that comes late", (world) =>
  assertLacks(world, {
    lacks: /volume data has not appeared/,
    mend: () => world.link("data", world.device),
  }));

test("awaitDevice() waits while the kernel knows the device, but does not run it", async (world) => {
  await world.link("data", world.device);
  await world.describe(world.device, { state: "created\n" });
  await assertLacks(world, {
    lacks: /is in the state "created"/,
    mend: () => world.describe(world.device, { state: "running\n" }),
  });
});

test("awaitDevice() waits for a device whose size is not its own yet, and has the kernel look", async (world) => {
  await Deno.truncate(world.image, SIZE / 2);
  await run("losetup", ["--set-capacity", world.device], { what: "capacity", signal });
  await world.link("data", world.device);
  await world.describe(world.device, { rescan: "" });
  await assertLacks(world, {
    lacks: /has 2097152 bytes, expected 4194304/,
    async mend() {
      await Deno.truncate(world.image, SIZE);
      await run("losetup", ["--set-capacity", world.device], { what: "capacity", signal });
    },
  });
  assert.equal(await world.readKernel(world.device, "rescan"), "1\n");
});

test("awaitDevice() waits for a device that cannot be read, and one without a size", async (world) => {
  await Deno.truncate(world.image, 0);
  await run("losetup", ["--set-capacity", world.device], { what: "capacity", signal });
  await world.link("data", world.device);
  await assertLacks(world, {
    lacks: /cannot be read: .*it has no size/,
    async mend() {
      await Deno.truncate(world.image, SIZE);
      await run("losetup", ["--set-capacity", world.device], { what: "capacity", signal });
    },
  });
});

test("awaitDevice() does not follow a link that is out of date to another volume", async (world) => {
  await world.link("data", world.device);
  await world.describe(world.device, volumeCalled("data-2"));
  assert.equal(await findDevice("data", world.places), undefined);
  await awaitNoDevice("data", { places: world.places, signal, limitMs: 0 });
  await assertLacks(world, {
    lacks: /has not appeared/,
    mend: () => world.describe(world.device, volumeCalled("data")),
  });
});

test("awaitDevice() stops when it is aborted", async ({ places }) => {
  const stop = new AbortController();
  const waiting = awaitDevice({ name: "data", sizeBytes: SIZE }, { places, signal: stop.signal });
  stop.abort();
  await assert.rejects(waiting, { code: "unavailable", message: /was cancelled/ });
});

test("findDevice() asks the kernel where there is no link, and tells similar names apart", async (world) => {
  const { places, device } = world;
  for (const name of ["data", "data-2", "dat", "a_b"]) {
    await world.describe(device, volumeCalled(name));
    for (const other of ["data", "data-2", "dat", "a_b"]) {
      assert.equal(
        await findDevice(other, places),
        other === name ? device : undefined,
        `${other} on ${name}`,
      );
    }
  }
  await world.describe(device, { vpd_pg83: "", wwid: "t10.DO      Volume          data\n" });
  assert.equal(await findDevice("data", places), device);
  assert.equal(await findDevice("data-2", places), undefined);
});

test("findDevice() believes the link where the kernel knows nothing, or something else", async (world) => {
  await world.link("data", world.device);
  assert.equal(await findDevice("data", world.places), world.device);
  await world.describe(world.device, { vendor: "QEMU\n", model: "DISK\n", vpd_pg83: pageOf("drive-1") });
  assert.equal(await findDevice("data", world.places), world.device);
  await world.describe(world.device, { vpd_pg83: Uint8Array.of(0, 0x83, 0, 9, 2, 0, 0, 200, 65) });
  assert.equal(await findDevice("data", world.places), world.device);
});

test("awaitNoDevice() waits until the device is gone", async (world) => {
  const { places, device } = world;
  await world.link("data", device);
  await assert.rejects(awaitNoDevice("data", { places, signal, limitMs: 0 }), {
    code: "unavailable",
    message: new RegExp(`${device} is still there`),
  });
  const gone = awaitNoDevice("data", { places, signal });
  await Deno.remove(join(places.directory, "scsi-0DO_Volume_data"));
  await gone;
});
