/** Plans the next step for one snapshot, only from its observed state. @module */
import type { DriverCapabilities } from "../../drivers/driver.ts";
import { describeKey } from "../../model/resource.ts";
import type { Snapshot, SnapshotStatus } from "../../model/snapshot.ts";
import type { Volume } from "../../model/volume.ts";
import { dueInMs, MAX_BACKOFF_MS } from "../../base/backoff.ts";
import type { Moment } from "../../base/clock.ts";
import { findLimitWait, type SnapshotLimits } from "./limits.ts";

/** Attempts to take a snapshot before it stays `Failed`. */
export const MAX_ATTEMPTS = 6;
/** From this attempt on, a failure may be the provider's limit: one that was given up counts for it. */
const PATIENT_FROM = 3;

/** The observed state that a plan is made from. */
export interface SnapshotView {
  snapshot: Snapshot;
  /** The volume with the source's name, which may be a new one. */
  volume: Volume | undefined;
  /** Capabilities of the volume's driver; undefined if this daemon has no such driver. */
  capabilities: DriverCapabilities | undefined;
  /** The snapshots of the volume that its provider may have, this one included. */
  copies: Snapshot[];
  now: Moment;
}

/** One step; `settle` ends a pass. */
export type SnapshotStep =
  /** Resume the writers that an interrupted attempt paused. */
  | { do: "resume" }
  /** Pause the writers, copy, and resume them. */
  | { do: "take" }
  /** Remove the copy, then the row. */
  | { do: "remove" }
  /** Write this status if it differs, and look again after `afterMs`. */
  | { do: "settle"; status: SnapshotStatus; afterMs?: number };

/** Decides the next step. */
export function planSnapshot(view: SnapshotView): SnapshotStep {
  const { snapshot, volume, now } = view;
  const { status } = snapshot;
  const limits = view.capabilities?.snapshotLimits;
  // Resume paused writers first, whatever the state of the snapshot.
  if (status.copying || status.paused !== undefined) return { do: "resume" };
  if (snapshot.deletionRequestedAt !== undefined) return { do: "remove" };
  if (status.state === "Ready") return { do: "settle", status };
  if (status.state === "Failed") {
    if (status.nextAttemptAt === undefined) return { do: "settle", status };
    const afterMs = dueInMs(status.nextAttemptAt, now, { longestMs: longestDelayMs(limits) });
    if (afterMs > 0) return { do: "settle", status, afterMs };
  }
  const key = describeKey({ namespace: snapshot.namespace, name: snapshot.spec.source.volume });
  const same = volume && (status.origin === undefined || status.origin.uid === volume.uid);
  if (!same || volume.deletionRequestedAt !== undefined) {
    return {
      do: "settle",
      status: failedStatus(status, {
        message: `volume ${key} was deleted before it was copied`,
        hint: "delete this snapshot; there is nothing in it",
        permanent: true,
        now,
        limits,
      }),
    };
  }
  const settleWaiting = (message: string, hint?: string): SnapshotStep => ({
    do: "settle",
    status: waitingStatus(status, { message, hint }),
  });
  if (volume.status.handle === undefined) {
    const { state, failureMessage } = volume.status;
    return settleWaiting(
      `waits for volume ${key}, which is ${state}${
        failureMessage === undefined ? "" : `: ${failureMessage}`
      }`,
    );
  }
  if (view.capabilities === undefined) {
    return settleWaiting(`this daemon has no driver "${volume.status.driver}"`);
  }
  const wait = findLimitWait({ ...view, volume, limits });
  if (!wait) return { do: "take" };
  const { message, hint, afterMs } = wait;
  return { ...settleWaiting(message, hint), ...(afterMs !== undefined && { afterMs }) };
}

/** The longest wait between two attempts. */
const longestDelayMs = (limits: SnapshotLimits): number =>
  Math.max(MAX_BACKOFF_MS, limits?.minIntervalMs ?? 0);

/** The status without the fields of a failure. */
export function withoutFailure(status: SnapshotStatus): SnapshotStatus {
  const { failureMessage: _m, failureHint: _h, nextAttemptAt: _n, ...rest } = status;
  return rest;
}

/** The status of a snapshot that cannot start yet. */
export function waitingStatus(
  status: SnapshotStatus,
  { message, hint }: { message: string; hint?: string | undefined },
): SnapshotStatus {
  return {
    ...withoutFailure(status),
    state: "Pending",
    failureMessage: message,
    ...(hint !== undefined && { failureHint: hint }),
  };
}

/**
 * The status after a failed attempt. It has a time to retry, unless a retry cannot help or the attempts are
 * used up.
 */
export function failedStatus(
  status: SnapshotStatus,
  failure: { message: string; hint?: string; permanent: boolean; now: Date; limits?: SnapshotLimits },
): SnapshotStatus {
  const attempts = status.attempts + 1;
  const over = failure.permanent || attempts >= MAX_ATTEMPTS;
  const delayMs = attempts >= PATIENT_FROM && failure.limits
    ? longestDelayMs(failure.limits)
    : Math.min(MAX_BACKOFF_MS, 1000 * 2 ** (attempts - 1));
  return {
    ...withoutFailure(status),
    state: "Failed",
    attempts,
    failureMessage: failure.message,
    ...(failure.hint !== undefined && { failureHint: failure.hint }),
    ...(!over && { nextAttemptAt: new Date(failure.now.getTime() + delayMs).toISOString() }),
  };
}
