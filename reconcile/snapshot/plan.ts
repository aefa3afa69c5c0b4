/** Plans the next step for one snapshot, only from its observed state. @module */
import type { DriverCapabilities } from "../../drivers/driver.ts";
import { describeKey } from "../../model/resource.ts";
import type { Snapshot, SnapshotStatus } from "../../model/snapshot.ts";
import type { Volume } from "../../model/volume.ts";
import { dueInMs, MAX_BACKOFF_MS } from "../../base/backoff.ts";

/** Attempts to take a snapshot before it stays `Failed`. */
export const MAX_ATTEMPTS = 6;

/** The observed state that a plan is made from. */
export interface SnapshotView {
  snapshot: Snapshot;
  /** The volume with the source's name, which may be a new one. */
  volume: Volume | undefined;
  /** Capabilities of the volume's driver; undefined if this daemon has no such driver. */
  capabilities: DriverCapabilities | undefined;
  now: Date;
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
  // Resume paused writers first, whatever the state of the snapshot.
  if (status.copying || status.paused !== undefined) return { do: "resume" };
  if (snapshot.deletionRequestedAt !== undefined) return { do: "remove" };
  if (status.state === "Ready") return { do: "settle", status };
  if (status.state === "Failed") {
    if (status.nextAttemptAt === undefined) return { do: "settle", status };
    const afterMs = dueInMs(status.nextAttemptAt, now);
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
      }),
    };
  }
  const settleWaiting = (message: string): SnapshotStep => ({
    do: "settle",
    status: waitingStatus(status, message),
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
  return { do: "take" };
}

/** The status without the fields of a failure. */
export function withoutFailure(status: SnapshotStatus): SnapshotStatus {
  const { failureMessage: _m, failureHint: _h, nextAttemptAt: _n, ...rest } = status;
  return rest;
}

/** The status of a snapshot that cannot start yet. */
export function waitingStatus(status: SnapshotStatus, failureMessage: string): SnapshotStatus {
  return { ...withoutFailure(status), state: "Pending", failureMessage };
}

/**
 * The status after a failed attempt. It has a time to retry, unless a retry cannot help or the attempts are
 * used up.
 */
export function failedStatus(
  status: SnapshotStatus,
  failure: { message: string; hint?: string; permanent: boolean; now: Date },
): SnapshotStatus {
  const attempts = status.attempts + 1;
  const over = failure.permanent || attempts >= MAX_ATTEMPTS;
  const delayMs = Math.min(MAX_BACKOFF_MS, 1000 * 2 ** (attempts - 1));
  return {
    ...withoutFailure(status),
    state: "Failed",
    attempts,
    failureMessage: failure.message,
    ...(failure.hint !== undefined && { failureHint: failure.hint }),
    ...(!over && { nextAttemptAt: new Date(failure.now.getTime() + delayMs).toISOString() }),
  };
}
