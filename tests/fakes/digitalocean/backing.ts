/** What lies behind the volumes of the fake. @module */
import type { DeviceFault } from "./faults.ts";

/** A volume, as far as its device needs it. */
export interface BackedVolume {
  id: string;
  name: string;
  sizeGb: number;
}

/** See the module comment. Each call may be repeated. */
export interface Backing {
  /** What was done to devices that must never be done. */
  readonly violations: string[];
  /** @param from the id of the snapshot that fills it. */
  create(volume: BackedVolume, from?: string): Promise<void>;
  remove(volume: BackedVolume): Promise<void>;
  resize(volume: BackedVolume): Promise<void>;
  /** Copies what lies on the volume now. */
  copy(volume: BackedVolume, snapshotId: string): Promise<void>;
  removeCopy(snapshotId: string): Promise<void>;
  /** Lets the device appear on this machine. */
  connect(volume: BackedVolume, fault?: DeviceFault): Promise<void>;
  disconnect(volume: BackedVolume): Promise<void>;
  /** Whether its device is mounted anywhere on this machine. */
  isMounted(volume: BackedVolume): Promise<boolean>;
  /** Removes everything that it has made. */
  [Symbol.asyncDispose](): Promise<void>;
}

const doNothing = async () => {};

/** For tests of the API alone. */
export const createNoBacking = (): Backing => ({
  violations: [],
  create: doNothing,
  remove: doNothing,
  resize: doNothing,
  copy: doNothing,
  removeCopy: doNothing,
  connect: doNothing,
  disconnect: doNothing,
  isMounted: async () => false,
  [Symbol.asyncDispose]: doNothing,
});
