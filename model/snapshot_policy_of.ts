/** Which snapshot policy holds for a volume. @module */
import { mountsOfVolume } from "./claim_names.ts";
import type { Service } from "./service.ts";
import type { SnapshotPolicy } from "./snapshot_policy.ts";
import type { StorageClass } from "./storage_class.ts";
import type { Volume } from "./volume.ts";

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
