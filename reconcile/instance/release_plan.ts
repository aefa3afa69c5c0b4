/**
 * What an instance does with its leases when it cannot start again: it gives them up, if a volume of its is
 * being deleted. Otherwise that volume waits for the instance to stop, and the instance waits for the volume.
 * Pure.
 * @module
 */
import type { InstanceStep, InstanceView } from "./view.ts";

/**
 * Plans the release of the leases of an instance of which nothing runs.
 *
 * A run that was made and may be about to start goes first: a lease is given up only when no run is left that
 * could use the volume.
 *
 * @returns undefined when the instance holds no volume that is being deleted.
 */
export function planRelease({ instance, mounts, run, stepRun }: InstanceView): InstanceStep | undefined {
  const waited = mounts.some(({ volume, holders }) =>
    volume?.deletionRequestedAt !== undefined && holders.some((h) => h.instanceUid === instance.uid)
  );
  if (!waited) return undefined;
  const states = [run?.state, stepRun?.state];
  if (states.includes("running")) return undefined;
  if (states.includes("created")) return { do: "discard" };
  return { do: "settle", status: instance.status, releases: true, afterMs: 0 };
}
