/**
 * The status of an instance that does not run: while it waits, and after a failed launch. Pure.
 * @module
 */
import { MAX_BACKOFF_MS } from "../../base/backoff.ts";
import type { InstanceStatus } from "../../model/instance.ts";
import type { ServiceReason } from "../../model/service.ts";

/** After this many failed launches in a row, the instance is `Stalled`. */
export const MAX_LAUNCH_FAILURES = 10;

/** Clears the current init step, since the steps are over once the main process was created. */
export function overInit({ init }: InstanceStatus): Pick<InstanceStatus, "init"> {
  return init === undefined ? {} : { init: { run: init.run, done: init.done, over: true } };
}

/** The status of an instance that waits for something else to change. */
export function toPending(status: InstanceStatus, reason: ServiceReason, message: string): InstanceStatus {
  return { ...status, state: "Pending", ready: false, reason, message };
}

/**
 * The status of an instance during a wait that is part of every start. It has a message but no reason.
 */
export function underWay(status: InstanceStatus, message: string): InstanceStatus {
  const { reason: _, ...kept } = status;
  return { ...kept, state: "Pending", ready: false, message };
}

/** The status after a launch that failed before anything ran. */
export function launchFailedStatus(
  status: InstanceStatus,
  failure: {
    reason: ServiceReason;
    message: string;
    permanent: boolean;
    /** The failure does not concern the instance, and is retried without limit. */
    passing?: boolean;
    now: Date;
  },
): InstanceStatus {
  const { reason, message, permanent, passing = false, now } = failure;
  const launchFailures = status.launchFailures + 1;
  const stalled = permanent || (!passing && launchFailures >= MAX_LAUNCH_FAILURES);
  const delayMs = Math.min(MAX_BACKOFF_MS, 1000 * 2 ** (launchFailures - 1));
  const { nextAttemptAt: _, ...kept } = status;
  return {
    ...kept,
    state: stalled ? "Stalled" : "Failed",
    ready: false,
    reason,
    message,
    launchFailures,
    lastFailure: { at: now.toISOString(), reason, message },
    ...(!stalled && { nextAttemptAt: new Date(now.getTime() + delayMs).toISOString() }),
  };
}
