/**
 * The rules of mount leases: which instances may mount a volume together. The rules are pure; the transaction
 * that stores the result prevents a second writer: docs/decisions/0002.
 * @module
 */
import { describeWithin } from "../model/kinds.ts";
import type { Lease, LeaseHolder } from "../model/lease.ts";
import type { ResourceKey } from "../model/resource.ts";
import type { Tx } from "../store/store.ts";

/**
 * Returns the new list of holders, or the holder that conflicts with `wanted`. Asking again changes nothing.
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

/** Names a holder in a message for a namespace; see {@linkcode describeWithin}. */
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
 * @returns the conflicting holder, or undefined when the instance now holds the lease.
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

/**
 * Releases every lease of one instance. Call it only when the instance's container or process is known to be
 * gone.
 */
export function releaseLeases(tx: Tx, instanceUid: string): void {
  for (const lease of tx.list("lease")) {
    if (lease.spec.holders.some((h) => h.instanceUid === instanceUid)) {
      releaseHolder(tx, lease, instanceUid);
    }
  }
}

/** Releases one instance's lease on one volume; see {@linkcode releaseLeases}. */
export function releaseHolder(tx: Tx, lease: Lease, instanceUid: string): void {
  const holders = lease.spec.holders.filter((h) => h.instanceUid !== instanceUid);
  if (holders.length === 0) tx.remove(lease as ResourceKey);
  else tx.update(lease, { spec: { holders } });
}

/** Lists holders in a message for a namespace, for example `prod/postgres-0, prod/postgres-1`. */
export function describeHolders(namespace: string, holders: LeaseHolder[]): string {
  return [...new Set(holders.map((holder) => holderWithin(namespace, holder)))].join(", ");
}
