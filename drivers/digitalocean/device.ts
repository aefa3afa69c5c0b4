/**
 * Finds the device of an attached volume, and waits until it can be used. "Attached" at DigitalOcean neither
 * means that the device is there, nor that it can be read, nor that it has its size.
 * @module
 */
import { basename, join } from "node:path";
import { sleep } from "../../base/delay.ts";
import { RuneError } from "../../model/error.ts";
import { readEnds } from "../device_ends.ts";
import { abortError, errnoOf } from "../host_error.ts";
import { compareIdentity, identityOf } from "./identity.ts";

/** Where udev links devices by their identity. */
export const DEVICE_DIRECTORY = "/dev/disk/by-id";
/** Where the kernel describes its block devices. */
export const SYSFS = "/sys/class/block";
/** How long to wait for a device, in milliseconds. */
const LIMIT_MS = 60_000;
const LOOK_MS = 250;
/** What to do if something else uses a device for long. Rune removes no files of the host. */
export const BUSY_HINT =
  "images of DigitalOcean have a rule that mounts volumes for a moment; if this lasts, " +
  "remove it: /etc/udev/rules.d/99-digitalocean-automount.rules; also look for a container that was shown the " +
  "whole host";

/** Where devices are found. */
export interface DevicePlaces {
  /** The directory with a link for each device. Default: {@linkcode DEVICE_DIRECTORY}. */
  directory: string;
  /** Default: {@linkcode SYSFS}. */
  sysfs: string;
}

/** The device of a volume; undefined if there is none. @param name its name at DigitalOcean. */
export async function findDevice(
  name: string,
  { directory, sysfs }: DevicePlaces,
): Promise<string | undefined> {
  try {
    const device = await Deno.realPath(join(directory, `scsi-0${identityOf(name)}`));
    // The link is out of date for a moment when a device takes the place of another.
    if (await compareIdentity(name, { device: basename(device), sysfs }) !== "other") return device;
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
  }
  // Without udev, as on Alpine, nobody makes the link.
  const entries = await Array.fromAsync(Deno.readDir(sysfs)).catch(() => []);
  for (const { name: device } of entries) {
    if (await compareIdentity(name, { device, sysfs }) === "same") return join("/dev", device);
  }
  return undefined;
}

/** A device to wait for. */
export interface ExpectedDevice {
  /** The volume's name at DigitalOcean. */
  name: string;
  sizeBytes: number;
}

/**
 * Waits until the device of a volume is there, has its size, and can be read at both ends.
 *
 * @returns its path.
 * @throws {RuneError} `unavailable` that says what is missing.
 */
export async function awaitDevice(
  { name, sizeBytes }: ExpectedDevice,
  { places, signal, limitMs = LIMIT_MS }: { places: DevicePlaces; signal: AbortSignal; limitMs?: number },
): Promise<string> {
  const began = performance.now();
  for (;;) {
    const { device, lacks } = await look({ name, sizeBytes }, places);
    if (device !== undefined && lacks === undefined) return device;
    if (performance.now() - began > limitMs) {
      throw new RuneError("unavailable", `dovolume: the device of volume ${name} ${lacks}`, {
        hint: `see ls -l ${places.directory}, and the kernel log; Rune tries again`,
      });
    }
    try {
      await sleep(LOOK_MS, { signal });
    } catch {
      throw abortError(`dovolume: wait for the device of volume ${name}`, signal);
    }
  }
}

/** Looks once. `lacks` says why the device cannot be used yet. */
async function look(
  { name, sizeBytes }: ExpectedDevice,
  places: DevicePlaces,
): Promise<{ device?: string; lacks?: string }> {
  const device = await findDevice(name, places);
  if (device === undefined) return { lacks: "has not appeared" };
  const state = await stateOf(device, places.sysfs);
  if (state !== undefined && state !== "running") return { device, lacks: `is in the state "${state}"` };
  const ends = await readEnds(device).catch((error: Error) => error);
  if (ends instanceof Error) return { device, lacks: `cannot be read: ${ends.message}` };
  if (ends.sizeBytes === sizeBytes) return { device };
  await rescan(device, places.sysfs);
  return { device, lacks: `has ${ends.sizeBytes} bytes, expected ${sizeBytes}` };
}

/** The kernel's state of a SCSI device: `running`. Absent for devices that have none. */
async function stateOf(device: string, sysfs: string): Promise<string | undefined> {
  try {
    return (await Deno.readTextFile(join(sysfs, basename(device), "device/state"))).trim();
  } catch {
    return undefined;
  }
}

/** Asks the kernel to read the size again. Only SCSI devices know this. */
async function rescan(device: string, sysfs: string): Promise<void> {
  await Deno.writeTextFile(join(sysfs, basename(device), "device/rescan"), "1\n", { create: false })
    .catch(() => {});
}

/**
 * Waits until the device of a detached volume has gone, so that nobody takes it for another one.
 *
 * @param name the volume's name at DigitalOcean.
 * @throws {RuneError} `unavailable` if it stays.
 */
export async function awaitNoDevice(
  name: string,
  { places, signal, limitMs = LIMIT_MS }: { places: DevicePlaces; signal: AbortSignal; limitMs?: number },
): Promise<void> {
  const began = performance.now();
  for (let device; (device = await findDevice(name, places)) !== undefined;) {
    if (performance.now() - began > limitMs) {
      throw new RuneError(
        "unavailable",
        `dovolume: volume ${name} is detached, but ${device} is still there`,
        {
          hint: "see the kernel log; Rune tries again",
        },
      );
    }
    await sleep(LOOK_MS, { signal });
  }
}
