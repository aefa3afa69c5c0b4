/**
 * Reads both ends of a block device, where filesystems, partition tables and arrays leave their marks.
 * @module
 */
import { hostError } from "./host_error.ts";

/** How much is read at each end, in bytes. */
const END = 1 << 20;

/** Both ends of a device. */
export interface DeviceEnds {
  sizeBytes: number;
  /** Whether both ends have only zeros. */
  areBlank: boolean;
}

/**
 * Reads the first and the last MiB of a device. An unreadable device is not an empty one, and neither is one
 * without a size: a device that has just been attached may be both.
 *
 * @throws {RuneError} `unavailable` if either cannot be read whole.
 */
export async function readEnds(device: string): Promise<DeviceEnds> {
  const what = `reading of ${device}`;
  try {
    using file = await Deno.open(device);
    const sizeBytes = await file.seek(0, Deno.SeekMode.End);
    if (sizeBytes === 0) throw new Error("it has no size");
    const length = Math.min(END, sizeBytes);
    const first = await isZero(file, 0, length);
    const last = await isZero(file, sizeBytes - length, length);
    return { sizeBytes, areBlank: first && last };
  } catch (error) {
    throw hostError(what, error);
  }
}

async function isZero(file: Deno.FsFile, at: number, length: number): Promise<boolean> {
  const bytes = new Uint8Array(length);
  await file.seek(at, Deno.SeekMode.Start);
  for (let read = 0; read < length;) {
    const taken = await file.read(bytes.subarray(read));
    if (taken === null) throw new Error(`it ends after ${at + read} bytes`);
    read += taken;
  }
  return bytes.every((byte) => byte === 0);
}
