/** Finds the snapshot policy of a volume. @module */
import { mountsOfVolume } from "./claim_names.ts";
import type { Service } from "./service.ts";
import type { SnapshotPolicy } from "./snapshot_policy.ts";
import type { StorageClass } from "./storage_class.ts";
import type { Volume } from "./volume.ts";

/**
 * The policy of a volume: its own, or else that of the claim template that made it, or else its class's. A
 * template counts as its service writes it now.
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
