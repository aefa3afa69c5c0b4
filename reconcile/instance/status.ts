/**
 * What the status of an instance becomes where nothing runs: while it waits, and after a launch that failed.
 * Pure.
 * @module
 */
import { MAX_BACKOFF_MS } from "../../base/backoff.ts";
import type { InstanceStatus } from "../../model/instance.ts";
import type { ServiceReason } from "../../model/service.ts";

/** Launches in a row that may fail before anything ran; then the instance is `Stalled`. */
export const MAX_LAUNCH_FAILURES = 10;

/** The init steps of a run whose main process was made are over. */
export function overInit({ init }: InstanceStatus): Pick<InstanceStatus, "init"> {
  return init === undefined ? {} : { init: { run: init.run, done: init.done, over: true } };
}

/** Status of an instance that waits for something else to change. */
export function toPending(status: InstanceStatus, reason: ServiceReason, message: string): InstanceStatus {
  return { ...status, state: "Pending", ready: false, reason, message };
}

/**
 * Status of an instance whose wait is part of every start: there is nothing to tell but what it waits for.
 */
export function underWay(status: InstanceStatus, message: string): InstanceStatus {
  const { reason: _, ...kept } = status;
  return { ...kept, state: "Pending", ready: false, message };
}

/** Status after a launch that failed before anything ran. */
export function launchFailedStatus(
  status: InstanceStatus,
  failure: {
    reason: ServiceReason;
    message: string;
    permanent: boolean;
    /** It says nothing of what was to be launched, and is tried again for ever. */
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
