/**
 * Commands on block devices: probe, format, check, grow and mount, and commands on loop devices. Each does
 * one thing; `block.ts` combines them. See `host.ts` for what all commands have in common.
 * @module
 */
import { RuneError } from "../model/error.ts";
import type { Growth } from "./driver.ts";
import { type CommandFailure, run } from "./host.ts";
import { hostError } from "./host_error.ts";

/** The filesystems that Rune can make, mount and grow. */
export type FsType = "ext4" | "xfs";

/** The contents of a device: a filesystem, or something else with a signature. */
export interface DeviceContent {
  /**
   * The type of a filesystem, or another signature: `crypto_LUKS`, `partition table dos`, `several
   * signatures`.
   */
  type: string;
  label?: string;
  uuid?: string;
}

/** Another program has mounted the device, or has it open for itself. */
export class DeviceBusy extends RuneError {}

// How mke2fs, mkfs.xfs, e2fsck, resize2fs and mount(8) say EBUSY. Their exit codes do not tell.
const BUSY = new RegExp(
  "Device or resource busy|apparently in use by the system|contains a mounted filesystem|" +
    "is mounted; will not make|Cannot continue, aborting|already mounted",
);

function toBusy({ message }: CommandFailure): RuneError | undefined {
  return BUSY.test(message) ? new DeviceBusy("unavailable", message) : undefined;
}

/**
 * Finds the contents of a block device; undefined if it can be read and has no signature.
 *
 * @throws {RuneError} `unavailable` if it cannot be read.
 */
export async function probeDevice(device: string, signal: AbortSignal): Promise<DeviceContent | undefined> {
  const what = `probe of ${device}`;
  // blkid also answers "nothing found" for a device that it cannot read.
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

/**
 * Makes a filesystem, whatever the device contains, and syncs it.
 * @throws {DeviceBusy} if somebody else uses the device.
 */
export async function formatDevice(
  device: string,
  options: { fsType: FsType; label: string; uuid: string; signal: AbortSignal },
): Promise<void> {
  const { fsType, label, uuid, signal } = options;
  // -F and -f: do not ask because of a whole disk, or because of the remains of an interrupted formatting.
  const flags = fsType === "ext4" ? ["-q", "-F", "-m", "0", "-U", uuid] : ["-q", "-f", "-m", `uuid=${uuid}`];
  const what = `formatting of ${device}`;
  await run(`mkfs.${fsType}`, [...flags, "-L", label, device], {
    what,
    signal,
    toError: toBusy,
    endsWithUs: true,
  });
  await syncDevice(device, signal);
}

/** Removes the label of an unmounted filesystem, and syncs it. */
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

/**
 * Runs e2fsck(8). Its exit code is a sum. 1 and 2: it repaired something, as after a crash. 4: it left
 * errors, about which a person has to decide. 8 and more: it could not look.
 */
async function runE2fsck(
  device: string,
  { flags, what, signal }: { flags: string[]; what: string; signal: AbortSignal },
): Promise<void> {
  const toError = (failure: CommandFailure) =>
    failure.code >= 8 ? toBusy(failure) : new RuneError("failed_precondition", failure.message, {
      hint: `take a snapshot, then repair it yourself: e2fsck ${device}; Rune tries again`,
      permanent: false,
    });
  await run("e2fsck", [...flags, device], { what, signal, toError, accept: [1, 2, 3] });
}

/**
 * Repairs an unmounted filesystem after a crash, for example after an interrupted growth. Quick if there is
 * nothing to do. xfs does this itself when it is mounted.
 *
 * @throws {RuneError} `failed_precondition` if a person has to decide; `unavailable` if it cannot be checked.
 * @throws {DeviceBusy} if somebody else uses the device.
 */
export async function checkFilesystem(
  device: string,
  { fsType, signal }: { fsType: FsType; signal: AbortSignal },
): Promise<void> {
  if (fsType !== "ext4") return;
  await runE2fsck(device, { flags: ["-p"], what: `check of ${device}`, signal });
}

// ext4 does not use a last group that is too small, up to some MiB, so the sizes never match exactly.
const EXT4_SLACK = 16 << 20;

/**
 * Grows an unmounted filesystem to the size of its device. xfs can grow only while it is mounted; see
 * {@linkcode growMounted}. Growing a mounted ext4 takes a capability that some containers and sandboxes lack.
 */
export async function growUnmounted(
  device: string,
  { fsType, signal }: { fsType: FsType; signal: AbortSignal },
): Promise<void> {
  if (fsType !== "ext4") return;
  if (!await isExt4Smaller(device, signal)) return;
  const what = `growth of ${device}`;
  await runE2fsck(device, { flags: ["-f", "-p"], what, signal });
  await run("resize2fs", [device], { what, signal, toError: toBusy });
}

/** Whether an ext4 filesystem is smaller than its device. It may be mounted. */
async function isExt4Smaller(device: string, signal: AbortSignal): Promise<boolean> {
  const { stdout } = await run("dumpe2fs", ["-h", device], { what: `look at the size of ${device}`, signal });
  const field = (name: string) => Number(new RegExp(`^${name}: *(\\d+)$`, "m").exec(stdout)?.[1]);
  using file = await Deno.open(device);
  const missing = await file.seek(0, Deno.SeekMode.End) - field("Block count") * field("Block size");
  return missing >= EXT4_SLACK;
}

/**
 * Grows a mounted filesystem to the size of its device. Cheap if there is nothing to do.
 *
 * @returns why it is still smaller, if this host refuses to grow a mounted ext4.
 */
export async function growMounted(
  directory: string,
  { device, fsType, signal }: { device: string; fsType: FsType; signal: AbortSignal },
): Promise<Growth> {
  const what = `growth of ${device}`;
  if (fsType === "xfs") {
    await run("xfs_growfs", [directory], { what, signal });
    return {};
  }
  if (!await isExt4Smaller(device, signal)) return {};
  try {
    await run("resize2fs", [device], { what, signal });
    return {};
  } catch (error) {
    if (signal.aborted || !(error instanceof RuneError) || error.code !== "unavailable") throw error;
    // Whatever the reason is, the next mount grows it first, or fails.
    return { growsLater: error.message };
  }
}

/**
 * Mounts a device on an existing directory, for writing.
 * @throws {DeviceBusy} if somebody has mounted it read-only.
 */
export async function mountDevice(
  device: string,
  { directory, fsType, options = [], signal }: {
    directory: string;
    fsType: FsType;
    options?: string[];
    signal: AbortSignal;
  },
): Promise<void> {
  // A copy of an xfs volume has the uuid of the original, and both may be mounted at once.
  const all = [...fsType === "xfs" ? ["nouuid"] : [], ...options];
  const flags = all.length > 0 ? ["-o", all.join(",")] : [];
  const what = `mount of ${device} on ${directory}`;
  // Without --read-write, mount(8) mounts read-only what somebody else has mounted so, and reports success.
  await run("mount", ["--read-write", "-t", fsType, ...flags, "--", device, directory], {
    what,
    signal,
    toError: toBusy,
  });
}

/** Finds the loop device of a file; undefined if there is none. */
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

/** Detaches a loop device from its file. The kernel may do it later, if another process has it open. */
export async function detachLoopDevice(device: string, signal: AbortSignal): Promise<void> {
  await run("losetup", ["--detach", device], { what: `detaching of ${device}`, signal });
}
