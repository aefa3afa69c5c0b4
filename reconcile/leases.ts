/**
 * The arithmetic of mount leases: who may mount a volume, given who does. Pure; the commit that stores the
 * result is what makes a second writer impossible: docs/decisions/0002.
 * @module
 */
import { describeWithin } from "../model/kinds.ts";
import type { Lease, LeaseHolder } from "../model/lease.ts";
import type { ResourceKey } from "../model/resource.ts";
import type { Tx } from "../store/store.ts";

/**
 * The holders if `wanted` may join them, or the holder that is in the way. A holder that asks again keeps
 * what it has.
 */
export function withHolder(
  holders: LeaseHolder[],
  wanted: LeaseHolder,
): { holders: LeaseHolder[] } | { heldBy: LeaseHolder } {
  const own = holders.find((h) => h.instanceUid === wanted.instanceUid);
  const others = holders.filter((h) => h !== own);
  const inTheWay = others.find((h) => h.mode === "rw" || wanted.mode === "rw");
  if (inTheWay) return { heldBy: inTheWay };
  if (own && (own.mode === wanted.mode || own.mode === "rw")) return { holders };
  return { holders: [...others, wanted] };
}

/** How a message in a namespace names a holder; see {@linkcode describeWithin}. */
export function holderWithin(
  namespace: string,
  { namespace: where, instance }: Pick<LeaseHolder, "namespace" | "instance">,
): string {
  if (where === namespace) return `${where}/${instance}`;
  return describeWithin(namespace, { kind: "instance", namespace: where, name: instance });
}

/**
 * Takes the lease of a volume for an instance, in the caller's transaction.
 *
 * @returns the holder that is in the way, or undefined when the lease is held now.
 */
export function acquireLease(tx: Tx, volume: { namespace: string; name: string }, wanted: LeaseHolder) {
  const lease = tx.get("lease", volume.namespace, volume.name);
  const result = withHolder(lease?.spec.holders ?? [], wanted);
  if ("heldBy" in result) return result.heldBy;
  const spec = { holders: result.holders };
  if (lease) tx.update(lease, { spec });
  else tx.create({ kind: "lease", namespace: volume.namespace, name: volume.name, spec, status: {} });
  return undefined;
}

/** Gives up what one instance holds. Only for an instance whose container or process is known to be gone. */
export function releaseLeases(tx: Tx, instanceUid: string): void {
  for (const lease of tx.list("lease")) {
    if (lease.spec.holders.some((h) => h.instanceUid === instanceUid)) {
      releaseHolder(tx, lease, instanceUid);
    }
  }
}

/** Gives up one instance's hold on one volume; see {@linkcode releaseLeases}. */
export function releaseHolder(tx: Tx, lease: Lease, instanceUid: string): void {
  const holders = lease.spec.holders.filter((h) => h.instanceUid !== instanceUid);
  if (holders.length === 0) tx.remove(lease as ResourceKey);
  else tx.update(lease, { spec: { holders } });
}

/** `prod/postgres-0, prod/postgres-1`: holders as messages in a namespace name them. */
export function describeHolders(namespace: string, holders: LeaseHolder[]): string {
  return [...new Set(holders.map((holder) => holderWithin(namespace, holder)))].join(", ");
}
