/**
 * Plans the next step for one volume, only from its observed state.
 * @module
 */
import type { DriverCapabilities } from "../../drivers/driver.ts";
import type { LeaseHolder } from "../../model/lease.ts";
import { ANNOTATIONS } from "../../model/marks.ts";
import { type Condition, describeKey } from "../../model/resource.ts";
import { matchesLabels } from "../../model/selector.ts";
import type { Snapshot } from "../../model/snapshot.ts";
import type { StorageClass } from "../../model/storage_class.ts";
import type { Volume, VolumeStatus } from "../../model/volume.ts";
import { dueInMs } from "../../base/backoff.ts";
import type { Moment } from "../../base/clock.ts";
import { describeHolders } from "../leases.ts";
import { forgetAttempts } from "./attempts.ts";
import { checkGrowth, hasFailedGrowth, isTooSmall } from "./growth.ts";
import { graceLeftMs, isMounted } from "./leave_plan.ts";
import { readParameters } from "../../node/volume_call.ts";
import type { SecretVersions } from "./secret_versions.ts";
import { namedDataProblem } from "./named_data.ts";
import { sourceProblem } from "./source.ts";

/** The observed state that a plan is made from. */
export interface VolumeView {
  volume: Volume;
  class: StorageClass | undefined;
  /** The secrets that its parameters name, with their versions. */
  secrets: SecretVersions;
  /** The snapshot to restore from, if the volume names one and it exists. */
  source?: Snapshot;
  /** For a volume that is being deleted: the snapshot that is being copied from it. */
  readFor?: Snapshot;
  /** Capabilities of its driver; undefined when this daemon has no such driver. */
  capabilities: DriverCapabilities | undefined;
  holders: LeaseHolder[];
  /** Another volume that has the data which this one names, or that named it first. */
  rival?: Volume;
  /** Where it is mounted, as confirmed by this daemon. */
  mountPath: string | undefined;
  /** For a mounted volume: why nothing more can be written to it. */
  full?: string;
  node: { name: string; labels: Record<string, string> };
  now: Moment;
}

/** One step; `settle` ends a pass. */
export type VolumeStep =
  | { do: "provision" }
  | { do: "expand" }
  | { do: "mount" }
  | { do: "unmount" }
  | { do: "detach" }
  /** Remove the volume's row; with `deleteData` the driver removes the data too. */
  | { do: "reclaim"; deleteData: boolean }
  /** Write this status if it differs, and look again after `afterMs`. */
  | { do: "settle"; status: VolumeStatus; afterMs?: number };

/** Decides the next step. */
export function planVolume(view: VolumeView): VolumeStep {
  const { volume, holders, mountPath } = view;
  if (volume.deletionRequestedAt !== undefined) return planDeletion(view);
  if (volume.status.handle === undefined) return planProvisioning(view);
  const isFree = holders.length === 0;
  if (isFree && isMounted(view)) return { do: "unmount" };
  const afterMs = isFree ? graceLeftMs(view) : undefined;
  if (afterMs === 0) return { do: "detach" };
  // A growth that is refused must keep nobody from the data, so it comes second wherever it can.
  if (!isFree && mountPath === undefined && !mustGrowFirst(view)) return { do: "mount" };
  if (needsExpansion(view)) return { do: "expand" };
  return { do: "settle", status: settledStatus(view), ...(afterMs !== undefined && { afterMs }) };
}

function planDeletion(view: VolumeView): VolumeStep {
  const { volume, holders, readFor } = view;
  const { failureHint: _, ...status } = volume.status;
  const settleWaiting = (failureMessage: string): VolumeStep => ({
    do: "settle",
    status: { ...status, state: "Deleting", failureMessage },
  });
  if (holders.length > 0) {
    return settleWaiting(`waits for ${describeHolders(volume.namespace, holders)} to stop`);
  }
  // Deleting data during a copy would leave a snapshot that looks complete but is not.
  if (readFor) return settleWaiting(`waits for snapshot ${describeKey(readFor)}, which is being taken of it`);
  if (isMounted(view)) return { do: "unmount" };
  return { do: "reclaim", deleteData: volume.spec.reclaimPolicy === "delete" };
}

function planProvisioning(view: VolumeView): VolumeStep {
  const { volume, now } = view;
  const status = forgetAttempts(view);
  const settleWaiting = (failureMessage: string, failureHint: string): VolumeStep => ({
    do: "settle",
    status: { ...status, state: "Pending", failureMessage, failureHint },
  });
  if (status.state === "Stalled") return { do: "settle", status };
  // An undeleted volume was placed before, and its driver is known; its class may be gone.
  const comesBack = volume.annotations[ANNOTATIONS.undeleteFrom] !== undefined ||
    // Rune chose the driver for an image's volume; there may be no class.
    volume.annotations[ANNOTATIONS.imageContent] !== undefined;
  if (view.class === undefined && !comesBack) {
    const name = volume.spec.storageClassName;
    return name === undefined
      ? settleWaiting(
        "no storage class is named and none is the default",
        "rune storageclass set-default <name>",
      )
      : settleWaiting(
        `storage class ${name} does not exist`,
        "cast it again, or delete the volume and name another class",
      );
  }
  if (view.capabilities === undefined) {
    return settleWaiting(
      `this daemon has no driver "${volume.status.driver ?? view.class?.spec.driver}"`,
      "name a class with another driver",
    );
  }
  if (view.class && !comesBack && !topologyMatches(view.class, view.node.labels)) {
    return settleWaiting(
      `no node matches the allowedTopologies of storage class ${view.class.name}`,
      `label the node in the runefile (node.labels); it has ${JSON.stringify(view.node.labels)}`,
    );
  }
  const problem = comesBack || view.class === undefined
    ? undefined
    : sourceProblem(volume, { snapshot: view.source, driver: view.class.spec.driver }) ??
      namedDataProblem(view);
  if (problem) return settleWaiting(problem.message, problem.hint);
  const afterMs = dueInMs(status.nextAttemptAt, now);
  if (afterMs > 0) return { do: "settle", status, afterMs };
  return { do: "provision" };
}

/**
 * Whether the node's labels satisfy any of the class's alternatives. A class without alternatives allows
 * every node.
 */
export function topologyMatches(storageClass: StorageClass, labels: Record<string, string>): boolean {
  const { allowedTopologies } = storageClass.spec;
  return allowedTopologies.length === 0 || allowedTopologies.some((topology) =>
    matchesLabels(labels, [
      ...Object.entries(topology.matchLabels ?? {})
        .map(([key, value]) => ({ key, operator: "In" as const, values: [value] })),
      ...(topology.matchExpressions ?? []),
    ])
  );
}

/** The conditions of a provisioned volume. */
function conditionsOf(view: VolumeView): Condition[] {
  const growth = checkGrowth(view).filter((c) => c.type !== "Full");
  if (view.full === undefined) return growth;
  const message = `${view.full}: make room, or grow it; those who write it fail`;
  const since = view.volume.status.conditions.find((c) => c.type === "Full")?.since ?? view.now.toISOString();
  return [...growth, { type: "Full", value: true, reason: "NoSpace", message, since }];
}

function needsExpansion(view: VolumeView): boolean {
  return isTooSmall(view) && (view.capabilities!.onlineExpand || !isMounted(view));
}

/** Whether this is the moment to grow a volume that grows only while nobody mounts it. */
function mustGrowFirst(view: VolumeView): boolean {
  return needsExpansion(view) && !view.capabilities!.onlineExpand && !hasFailedGrowth(view.volume);
}

/** The status of a provisioned volume. */
export function settledStatus(view: VolumeView): VolumeStatus {
  const { volume, holders, mountPath, node } = view;
  const {
    boundClaim: _c,
    mountPath: _m,
    releasedAt,
    failureMessage: _f,
    failureHint: _h,
    nextAttemptAt: _a,
    ...rest
  } = volume.status;
  const kept = {
    ...rest,
    conditions: conditionsOf(view),
    // A secret that was replaced by a reference must not stay here.
    ...(rest.driverParameters && { driverParameters: readParameters(view) }),
  };
  const first = holders[0];
  if (first) {
    return {
      ...kept,
      state: "Bound",
      boundClaim: `${first.namespace}/${first.instance}`,
      boundNode: node.name,
      mountPath,
    };
  }
  return { ...kept, state: releasedAt ? "Released" : "Available", ...(releasedAt && { releasedAt }) };
}
