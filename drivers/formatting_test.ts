import assert from "node:assert/strict";
import { join } from "node:path";
import { sleep, startDeadline } from "../base/delay.ts";
import { scratchDirectory } from "./conformance_trial.ts";
import { type DeviceContent, formatDevice, type FsType, probeDevice } from "./devices.ts";
import { createBegunNotes } from "./begun_notes.ts";
import { type BlockVolume, ensureFormatted, mustFormat } from "./formatting.ts";
import { run } from "./host.ts";
import { digestEnds, FOREIGN_CONTENT, writeForeign } from "./testing/foreign_content.ts";

const { signal } = new AbortController();
const MIB = 1 << 20;
const UID = "7f1c1e0e-6d8c-4f6a-9a55-3d6d6a1f2c11";
const OTHER = "0d4b8f0a-52a9-4d0c-8b5e-a1c6e4b5d922";
const MAKING = "rune-making";
// xfs takes no less than 300 MiB; the images are sparse.
const SIZES = { ext4: 32 * MIB, xfs: 320 * MIB };
const TYPES: FsType[] = ["ext4", "xfs"];

const about = (blank: boolean) => ({ device: "/dev/x", fsType: "ext4" as const, uid: UID, blank });
const on = (content?: DeviceContent, more = {}) => ({
  ...(content && { content }),
  areEndsBlank: content === undefined,
  begun: false,
  ...more,
});

Deno.test("mustFormat() formats a blank volume on a device that holds nothing, or what it left there itself", () => {
  assert.equal(mustFormat(on(), about(true)), true);
  assert.equal(mustFormat(on(undefined, { areEndsBlank: false, begun: true }), about(true)), true);
  assert.equal(mustFormat(on({ type: "ext4", label: MAKING, uuid: UID }), about(true)), true);
});

Deno.test("mustFormat() uses what was made for the volume, and what a volume with data has", () => {
  for (const blank of [true, false]) {
    assert.equal(mustFormat(on({ type: "ext4", uuid: UID }), about(blank)), false);
    assert.equal(mustFormat(on({ type: "ext4", uuid: UID, label: "data" }), about(blank)), false);
  }
  // A copy of another volume by a snapshot, or one that was adopted.
  for (const content of [{ type: "ext4" }, { type: "ext4", uuid: OTHER }]) {
    assert.equal(mustFormat(on(content), about(false)), false);
  }
});

Deno.test("mustFormat() formats nothing of a volume that may have had data", () => {
  for (
    const found of [on(), on(undefined, { begun: true }), on({ type: "ext4", label: MAKING, uuid: UID })]
  ) {
    assert.throws(() => mustFormat(found, about(false)), {
      code: "failed_precondition",
      permanent: false,
      message: /this volume has had data before/,
      hint:
        /detach it and attach it again; if it is truly empty, make a filesystem: mkfs.ext4 .*; Rune goes on/,
    });
  }
});

Deno.test("mustFormat() refuses what is not this volume's", () => {
  for (
    const [found, message] of [
      [{ type: "xfs" }, /holds xfs, expected ext4 or nothing/],
      [{ type: "xfs", label: MAKING, uuid: UID }, /holds xfs/],
      [{ type: "crypto_LUKS", uuid: UID }, /holds crypto_LUKS/],
      [{ type: "ext4", label: MAKING, uuid: OTHER }, /formatting for another volume/],
      [{ type: "ext4", label: MAKING }, /formatting for another volume/],
      // On a new volume this can only be another one's, as behind a link that is out of date.
      [{ type: "ext4", uuid: OTHER }, /was not made for this volume/],
      [{ type: "ext4" }, /was not made for this volume/],
    ] as const
  ) {
    assert.throws(() => mustFormat(on(found), about(true)), {
      code: "failed_precondition",
      permanent: true,
      message,
    });
  }
});

/** A plain file, which is formatted as a device is, and a volume on it. */
interface Image {
  device: string;
  /** The directory of the notes. */
  notes: string;
  volume(more?: Partial<BlockVolume>): BlockVolume;
  /** Makes it zeros again, and forgets all notes. */
  clear(): Promise<void>;
}

async function withImage(
  fn: (image: Image) => Promise<void>,
  { fsType = "ext4", bytes = SIZES[fsType] }: { fsType?: FsType; bytes?: number } = {},
): Promise<void> {
  const scratch = await scratchDirectory();
  const [device, notes] = [join(scratch.path, "image"), join(scratch.path, "notes")];
  const clear = async () => {
    await Deno.writeFile(device, new Uint8Array());
    await Deno.truncate(device, bytes);
    await createBegunNotes(notes).remove(UID).catch(() => {});
  };
  try {
    await clear();
    const volume = { device, fsType, uid: UID, blank: true, notes: createBegunNotes(notes) };
    await fn({ device, notes, clear, volume: (more) => ({ ...volume, ...more }) });
  } finally {
    await scratch.remove();
  }
}

Deno.test("ensureFormatted() formats an empty device once and then leaves it alone", () =>
  withImage(async ({ device, volume }) => {
    assert.equal(await probeDevice(device, signal), undefined);
    await ensureFormatted(volume(), signal);
    assert.deepEqual(await probeDevice(device, signal), { type: "ext4", uuid: UID });
    const made = await digestEnds(device);
    for (const blank of [true, false]) {
      await ensureFormatted(volume({ blank }), signal);
      assert.equal(await digestEnds(device), made);
    }
  }));

/** Asserts that no call changes what is on the image, whatever Rune believes of the volume. */
async function assertKept({ device, volume }: Image, accepts: (volume: BlockVolume) => boolean) {
  const before = await digestEnds(device);
  for (const fsType of TYPES) {
    for (const blank of [true, false]) {
      const call = ensureFormatted(volume({ fsType, blank }), signal);
      if (accepts(volume({ fsType, blank }))) await call;
      else await assert.rejects(call, { code: "failed_precondition" }, `${fsType}, blank: ${blank}`);
      assert.equal(await digestEnds(device), before, `${fsType}, blank: ${blank}`);
    }
  }
}

for (const [name, content] of Object.entries(FOREIGN_CONTENT)) {
  Deno.test(`ensureFormatted() never formats a device that holds ${name}`, () =>
    withImage(async (image) => {
      await writeForeign(image.device, content);
      await assertKept(image, () => false);
    }, { bytes: 4 * MIB }));
}

for (const type of ["ext2", "ext3", "ext4", "btrfs", "xfs"]) {
  Deno.test(`ensureFormatted() never formats a device that holds an ${type} of somebody else`, () =>
    withImage(async (image) => {
      const flags = type.startsWith("ext") ? ["-q", "-F"] : ["-q", "-f"];
      await run(`mkfs.${type}`, [...flags, image.device], { what: "formatting", signal });
      // What was adopted or restored is used as it is.
      await assertKept(image, ({ fsType, blank }) => fsType === type && !blank);
    }, { bytes: type === "btrfs" ? 128 * MIB : type === "xfs" ? SIZES.xfs : 4 * MIB }));
}

Deno.test("ensureFormatted() never formats what is empty but had data, and never what cannot be read", () =>
  withImage(async ({ device, volume }) => {
    const before = await digestEnds(device);
    await volume().notes.add(UID);
    await assert.rejects(ensureFormatted(volume({ blank: false }), signal), {
      code: "failed_precondition",
      permanent: false,
    });
    assert.equal(await digestEnds(device), before);
    for (const missing of ["/dev/no-such-device", `${device}-empty`]) {
      if (missing.endsWith("-empty")) await Deno.writeFile(missing, new Uint8Array());
      await assert.rejects(ensureFormatted(volume({ device: missing }), signal), { code: "unavailable" });
    }
  }, { bytes: 4 * MIB }));

Deno.test("ensureFormatted() ends what was whole but still named as being made", () =>
  withImage(async ({ device, volume }) => {
    await formatDevice(device, { fsType: "ext4", label: MAKING, uuid: UID, signal });
    await assert.rejects(ensureFormatted(volume({ uid: OTHER }), signal), /another volume/);
    await ensureFormatted(volume(), signal);
    assert.deepEqual(await probeDevice(device, signal), { type: "ext4", uuid: UID });
  }));

async function assertWhole(device: string, fsType: FsType): Promise<void> {
  assert.deepEqual(await probeDevice(device, signal), { type: fsType, uuid: UID });
  const [command, ...flags] = fsType === "ext4" ? ["e2fsck", "-f", "-n"] : ["xfs_repair", "-n"];
  await run(command!, [...flags, device], { what: "check", signal });
}

Deno.test("ensureFormatted() makes anew what it was cut short of, at any moment", () =>
  withImage(async ({ device, volume, clear }) => {
    for (let ms = 1, done = false; !done; ms *= 2) {
      await clear();
      using deadline = startDeadline(ms);
      done = await ensureFormatted(volume(), deadline.signal).then(() => true, (error) => {
        if (!deadline.signal.aborted) throw error;
        return false;
      });
      if (!done) await ensureFormatted(volume(), signal);
      await assertWhole(device, "ext4");
    }
  }));

for (const fsType of TYPES) {
  Deno.test(`ensureFormatted() of the next daemon ends the ${fsType} of one that was killed at any moment`, () =>
    withImage(async ({ device, notes, volume, clear }) => {
      const script = new URL("./testing/format_volume.ts", import.meta.url).pathname;
      let inTheMiddle = 0;
      for (let ms = 0, done = false; !done; ms += 3) {
        await clear();
        const daemon = new Deno.Command(Deno.execPath(), {
          args: ["run", "-A", "--no-check", script, device, fsType, UID, notes],
          stdin: "null",
          stdout: "piped",
        }).spawn();
        const reader = daemon.stdout.getReader();
        await reader.read();
        await sleep(ms);
        try {
          daemon.kill("SIGKILL");
        } catch {
          // It has ended.
        }
        await reader.cancel();
        done = (await daemon.status).success;
        if (await volume().notes.has(UID)) inTheMiddle++;
        await ensureFormatted(volume(), signal);
        await assertWhole(device, fsType);
        assert.equal(await volume().notes.has(UID), false);
      }
      assert.ok(inTheMiddle > 0, "no kill came while it was formatting");
    }, { fsType }));
}
