/** Finds out why an instance cannot use its volumes yet. Pure. @module */
import type { Instance, InstanceStatus } from "../../model/instance.ts";
import type { LeaseHolder } from "../../model/lease.ts";
import type { VolumeMount } from "../../model/mounts.ts";
import { describeKey } from "../../model/resource.ts";
import { holderWithin, withHolder } from "../leases.ts";
import { toPending, underWay } from "./status.ts";
import type { InstanceView } from "./view.ts";

/** Joins a message and its hint. */
export const withHint = (message: string, hint: string | undefined) =>
  hint === undefined ? message : `${message}; ${hint}`;

/** The status of an instance that cannot use its volumes now, or undefined if it can. */
export function mountProblem({ instance, mounts }: InstanceView): InstanceStatus | undefined {
  const { status } = instance;
  const toBlocked = (message: string) => toPending(status, "VolumeNotReady", message);
  for (const { mount, namespace, name, volume, holders, copiedFor } of mounts) {
    const label = describeKey({ namespace, name });
    if (!volume) return toBlocked(`volume ${label} does not exist; cast it`);
    if (volume.deletionRequestedAt !== undefined) return toBlocked(`volume ${label} is being deleted`);
    const owner = volume.status.ownerService;
    if (mount.claimTemplate && owner !== undefined && owner !== instance.spec.service) {
      return toBlocked(`volume ${label} belongs to service ${owner}; rename the mount "${mount.name}"`);
    }
    const { state, failureMessage, failureHint } = volume.status;
    if (volume.status.handle === undefined) {
      return failureMessage === undefined
        ? underWay(status, `volume ${label} is being provisioned`)
        : toBlocked(`volume ${label} is ${state}: ${withHint(failureMessage, failureHint)}`);
    }
    if (copiedFor !== undefined && !mount.readOnly) {
      return underWay(status, `volume ${label} is being copied for ${copiedFor}`);
    }
    const wanted = holderOf(instance, { mount, since: "" });
    const result = withHolder(holders, wanted);
    if ("heldBy" in result) {
      const { heldBy } = result;
      const how = heldBy.mode === "rw" ? "read-write" : "read-only";
      return toBlocked(`volume ${label} is mounted ${how} by ${holderWithin(instance.namespace, heldBy)}`);
    }
  }
  return undefined;
}

/** The lease that a mount needs. */
export function holderOf(instance: Instance, options: { mount: VolumeMount; since: string }): LeaseHolder {
  return {
    instanceUid: instance.uid,
    namespace: instance.namespace,
    instance: instance.name,
    mode: options.mount.readOnly ? "ro" : "rw",
    since: options.since,
  };
}
