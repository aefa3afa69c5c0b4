/** Says in words where the data of a volume is. @module */
import type { VolumeStatus } from "./volume.ts";

/** A directory, or what a provider calls the volume; undefined if the volume has no data yet. */
export function describePlace({ handle, driver }: VolumeStatus): string | undefined {
  if (handle === undefined || handle.startsWith("/")) return handle;
  return `volume ${handle} of ${driver ?? "its driver"}`;
}
