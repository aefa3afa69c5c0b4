/** Snapshot policies: how often a volume is copied by itself, and how many of these copies are kept. @module */
import { mountsOfVolume } from "./claim_names.ts";
import { z } from "zod";
import { durationBetween } from "./duration.ts";
import type { Service } from "./service.ts";
import type { StorageClass } from "./storage_class.ts";
import type { Volume } from "./volume.ts";

/** When a volume is copied by itself, and how many of the copies stay. */
export const snapshotPolicySchema = z.strictObject({
  /** From one snapshot to the next: `15m`, `1h`, `1d`. */
  every: durationBetween("1m", "366d", { why: "those who write the volume are paused for each snapshot" }),
  /** The newest so many that are Ready stay. */
  keep: z.number().int().min(1).max(1000),
});
export type SnapshotPolicy = z.infer<typeof snapshotPolicySchema>;

/** The policy of one volume or claim template: `none` where that of its class is not to hold. */
export const ownSnapshotPolicySchema = z.union([snapshotPolicySchema, z.literal("none")]);

/**
 * The policy that holds for a volume: its own, else that of the claim template that made it as its service says it now, else its
 * class's.
 */
export function snapshotPolicyOf(
  volume: Pick<Volume, "name" | "spec" | "status">,
  { service, class: storageClass }: { service: Service | undefined; class: StorageClass | undefined },
): SnapshotPolicy | undefined {
  const policy = volume.spec.snapshotPolicy ?? templatePolicy(volume, service) ??
    storageClass?.spec.snapshotPolicy;
  return policy === "none" ? undefined : policy;
}

function templatePolicy({ name, status }: Pick<Volume, "name" | "status">, service: Service | undefined) {
  if (!service || status.ownerService !== service.name) return undefined;
  const mounts = mountsOfVolume(service, { namespace: service.namespace, name });
  return mounts.find(({ mount }) => mount.claimTemplate)?.mount.claimTemplate?.snapshotPolicy;
}
