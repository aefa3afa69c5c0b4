/**
 * Plans when an instance that does not run releases its leases: if one of its volumes is being deleted.
 * Otherwise the volume would wait for the instance to stop, and the instance for the volume. Pure.
 * @module
 */
import type { InstanceStep, InstanceView } from "./view.ts";

/**
 * Plans the release of the leases of an instance that has no running process.
 *
 * A created run that may be about to start is removed first. A lease is released only when no run is left
 * that could use the volume.
 *
 * @returns undefined if the instance holds no volume that is being deleted.
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
