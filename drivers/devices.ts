/**
 * Commands on block devices: what one holds, making, checking, growing and mounting a filesystem, and loop
 * devices. Each does one thing; `block.ts` says in which order. See `host.ts` for what all commands share.
 * @module
 */
import { run } from "./host.ts";
import { hostError } from "./host_error.ts";

/** Filesystems that Rune makes, mounts and grows. */
export type FsType = "ext4" | "xfs";

/** What a device holds: a filesystem, or something else that has a signature. */
export interface DeviceContent {
  /**
   * A filesystem's type, or another signature's: `crypto_LUKS`, `partition table dos`, `several signatures`.
   */
  type: string;
  label?: string;
  uuid?: string;
}

/**
 * What a block device holds; undefined when it can be read and holds no signature.
 *
 * @throws {RuneError} `unavailable` when it cannot be read.
 */
export async function probeDevice(device: string, signal: AbortSignal): Promise<DeviceContent | undefined> {
  const what = `probe of ${device}`;
  // blkid answers "nothing found" also for a device that it cannot read.
  try {
    using file = await Deno.open(device);
    await file.read(new Uint8Array(1 << 20));
  } catch (error) {
    throw hostError(what, error);
  }
  const { code, stdout } = await run("blkid", ["-p", "-o", "export", "--", device], {
    what,
    signal,
    accept: [2, 8],
  });
  if (code === 8) return { type: "several signatures" };
  const values = new Map(stdout.split("\n").map((line) => line.split("=", 2) as [string, string]));
  const table = values.get("PTTYPE");
  const type = values.get("TYPE") ?? (table === undefined ? undefined : `partition table ${table}`);
  if (type === undefined) return code === 0 ? { type: "an unknown signature" } : undefined;
  const [label, uuid] = [values.get("LABEL"), values.get("UUID")];
  return { type, ...(label !== undefined && { label }), ...(uuid !== undefined && { uuid }) };
}

/** Makes a filesystem, whatever the device holds, and writes it to disk. */
export async function formatDevice(
  device: string,
  options: { fsType: FsType; label: string; uuid: string; signal: AbortSignal },
): Promise<void> {
  const { fsType, label, uuid, signal } = options;
  // -F and -f: whole disks are what Rune formats, and what an interrupted formatting left is no reason to
  // ask.
  const flags = fsType === "ext4" ? ["-q", "-F", "-m", "0", "-U", uuid] : ["-q", "-f", "-m", `uuid=${uuid}`];
  const what = `formatting of ${device}`;
  await run(`mkfs.${fsType}`, [...flags, "-L", label, device], { what, signal, endsWithUs: true });
  await syncDevice(device, signal);
}

/** Takes the label of a filesystem that is not mounted away, on disk when it returns. */
export async function clearLabel(
  device: string,
  { fsType, signal }: { fsType: FsType; signal: AbortSignal },
): Promise<void> {
  const what = `labelling of ${device}`;
  if (fsType === "ext4") await run("e2label", [device, ""], { what, signal });
  else await run("xfs_admin", ["-L", "--", device], { what, signal });
  await syncDevice(device, signal);
}

async function syncDevice(device: string, signal: AbortSignal): Promise<void> {
  await run("sync", ["--", device], { what: `sync of ${device}`, signal });
}

// 1: it mended something, as after an unclean end. 4: it could not without being asked.
const E2FSCK = { accept: [1], codes: { 4: "failed_precondition" as const } };

/**
 * Mends what an unclean end left on a filesystem that is not mounted: a growth that was interrupted, for
 * example. Quick where nothing is to be done. xfs does that by itself when it is mounted.
 *
 * @throws {RuneError} `failed_precondition` when a person has to decide.
 */
export async function checkFilesystem(
  device: string,
  { fsType, signal }: { fsType: FsType; signal: AbortSignal },
): Promise<void> {
  if (fsType !== "ext4") return;
  await run("e2fsck", ["-p", device], { ...E2FSCK, what: `check of ${device}`, signal });
}

// ext4 keeps back a last group that is too small to be of use, up to some MiB: growing would never be done.
const EXT4_SLACK = 16 << 20;

/**
 * Grows a filesystem to the size of its device, which is not mounted. Growing a mounted ext4 takes a
 * capability that containers and sandboxes lack. xfs grows only while it is mounted: {@linkcode growMounted}.
 */
export async function growUnmounted(
  device: string,
  { fsType, signal }: { fsType: FsType; signal: AbortSignal },
): Promise<void> {
  if (fsType !== "ext4") return;
  const what = `growth of ${device}`;
  const { stdout } = await run("dumpe2fs", ["-h", device], { what, signal });
  const field = (name: string) => Number(new RegExp(`^${name}: *(\\d+)$`, "m").exec(stdout)?.[1]);
  using file = await Deno.open(device);
  const missing = await file.seek(0, Deno.SeekMode.End) - field("Block count") * field("Block size");
  if (!(missing >= EXT4_SLACK)) return;
  await run("e2fsck", ["-f", "-p", device], { ...E2FSCK, what, signal });
  await run("resize2fs", [device], { what, signal });
}

/**
 * Grows a mounted filesystem to the size of its device, where that is how it grows. Cheap when there is
 * nothing to do.
 */
export async function growMounted(
  directory: string,
  { device, fsType, signal }: { device: string; fsType: FsType; signal: AbortSignal },
): Promise<void> {
  if (fsType === "xfs") await run("xfs_growfs", [directory], { what: `growth of ${device}`, signal });
}

/** Mounts a device on an existing directory. */
export async function mountDevice(
  device: string,
  { directory, fsType, signal }: { directory: string; fsType: FsType; signal: AbortSignal },
): Promise<void> {
  // A copy of an xfs volume has the original's uuid, and both may have to be mounted.
  const flags = fsType === "xfs" ? ["-o", "nouuid"] : [];
  const what = `mount of ${device} on ${directory}`;
  await run("mount", ["-t", fsType, ...flags, "--", device, directory], { what, signal });
}

/** The loop device that a file is attached to, or undefined. */
export async function findLoopDevice(file: string, signal: AbortSignal): Promise<string | undefined> {
  const { stdout } = await run("losetup", ["--associated", file, "--noheadings", "--output", "NAME"], {
    what: `search for the loop device of ${file}`,
    signal,
  });
  return stdout.split("\n")[0]?.trim() || undefined;
}

/**
 * Attaches a file to a free loop device. Call {@linkcode findLoopDevice} first: a second device would share
 * the file.
 */
export async function attachLoopDevice(file: string, signal: AbortSignal): Promise<string> {
  const { stdout } = await run("losetup", ["--find", "--show", "--", file], {
    what: `attaching of ${file} to a loop device`,
    signal,
  });
  return stdout.trim();
}

/**
 * Detaches a loop device from its file; the kernel may take a moment more while somebody else has it open.
 */
export async function detachLoopDevice(device: string, signal: AbortSignal): Promise<void> {
  await run("losetup", ["--detach", device], { what: `detaching of ${device}`, signal });
}
