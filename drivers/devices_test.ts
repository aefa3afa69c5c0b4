import assert from "node:assert/strict";
import { join } from "node:path";
import { scratchDirectory } from "./conformance_trial.ts";
import { checkFilesystem, clearLabel, formatDevice, growUnmounted, probeDevice } from "./devices.ts";
import { run } from "./host.ts";

const { signal } = new AbortController();
const MIB = 1 << 20;
const UUID = "7f1c1e0e-6d8c-4f6a-9a55-3d6d6a1f2c11";

/** Gives a plain file that holds an ext4 filesystem, with one file in it. */
async function withFilesystem(fn: (image: string) => Promise<void>): Promise<void> {
  const scratch = await scratchDirectory();
  try {
    const [image, file] = ["image", "file"].map((name) => join(scratch.path, name)) as [string, string];
    await Deno.writeFile(image, new Uint8Array());
    await Deno.truncate(image, 32 * MIB);
    await formatDevice(image, { fsType: "ext4", label: "new", uuid: UUID, signal });
    await Deno.writeTextFile(file, "kept");
    await edit(image, `write ${file} file`);
    await fn(image);
  } finally {
    await scratch.remove();
  }
}

const edit = (image: string, request: string) =>
  run("debugfs", ["-w", "-R", request, image], { what: "debugfs", signal });

async function describe(image: string): Promise<{ bytes: number; state: string; file: string }> {
  const { stdout } = await run("dumpe2fs", ["-h", image], { what: "dumpe2fs", signal });
  const field = (name: string) => new RegExp(`^${name}: *(.+)$`, "m").exec(stdout)![1]!;
  const bytes = Number(field("Block count")) * Number(field("Block size"));
  return { bytes, state: field("Filesystem state"), file: (await edit(image, "cat file")).stdout };
}

Deno.test("clearLabel() removes only the label", () =>
  withFilesystem(async (image) => {
    assert.deepEqual(await probeDevice(image, signal), { type: "ext4", label: "new", uuid: UUID });
    await clearLabel(image, { fsType: "ext4", signal });
    assert.deepEqual(await probeDevice(image, signal), { type: "ext4", uuid: UUID });
    assert.equal((await describe(image)).file, "kept");
  }));

Deno.test("growUnmounted() grows a filesystem to the size of its device, and does nothing the second time", () =>
  withFilesystem(async (image) => {
    await Deno.truncate(image, 128 * MIB);
    for (let i = 0; i < 2; i++) {
      await growUnmounted(image, { fsType: "ext4", signal });
      assert.deepEqual(await describe(image), { bytes: 128 * MIB, state: "clean", file: "kept" });
    }
  }));

Deno.test("checkFilesystem() repairs an interrupted growth, which can then continue", () =>
  withFilesystem(async (image) => {
    await Deno.truncate(image, 128 * MIB);
    // resize2fs says so while it works.
    await edit(image, "set_super_value state 2");
    assert.match((await describe(image)).state, /errors/);
    await checkFilesystem(image, { fsType: "ext4", signal });
    assert.equal((await describe(image)).state, "clean");
    await growUnmounted(image, { fsType: "ext4", signal });
    assert.deepEqual(await describe(image), { bytes: 128 * MIB, state: "clean", file: "kept" });
  }));

Deno.test("checkFilesystem() leaves unsafe repairs to a person, with the command", () =>
  withFilesystem(async (image) => {
    // The device has lost its second half.
    await Deno.truncate(image, 16 * MIB);
    await assert.rejects(checkFilesystem(image, { fsType: "ext4", signal }), {
      code: "failed_precondition",
      permanent: false,
      hint: new RegExp(`e2fsck ${image}`),
    });
  }));

Deno.test("checkFilesystem() says that it cannot look, which is no damage", () =>
  withFilesystem(async (image) => {
    for (const missing of [`${image}-gone`, "/dev/null"]) {
      await assert.rejects(checkFilesystem(missing, { fsType: "ext4", signal }), { code: "unavailable" });
    }
    await checkFilesystem("/dev/null", { fsType: "xfs", signal });
  }));
