/** What to do next for one snapshot, decided from what was observed and nothing else. @module */
import type { DriverCapabilities } from "../../drivers/driver.ts";
import { describeKey } from "../../model/resource.ts";
import type { Snapshot, SnapshotStatus } from "../../model/snapshot.ts";
import type { Volume } from "../../model/volume.ts";
import { dueInMs, MAX_BACKOFF_MS } from "../../base/backoff.ts";

/** Attempts to take a snapshot before it stays `Failed`. */
export const MAX_ATTEMPTS = 6;

/** All that the plan looks at. */
export interface SnapshotView {
  snapshot: Snapshot;
  /** The volume of that name, whichever it is. */
  volume: Volume | undefined;
  /** Of the volume's driver; undefined when this daemon has no such driver. */
  capabilities: DriverCapabilities | undefined;
  now: Date;
}

/** One step; `settle` is the last of a pass. */
export type SnapshotStep =
  /** Let go on what an attempt that was cut short had paused. */
  | { do: "resume" }
  /** Hold the writers, copy, let them go on. */
  | { do: "take" }
  /** Remove the copy, then the row. */
  | { do: "remove" }
  /** Write this status when it differs, and look again after `afterMs`. */
  | { do: "settle"; status: SnapshotStatus; afterMs?: number };

/** Decides the next step. */
export function planSnapshot(view: SnapshotView): SnapshotStep {
  const { snapshot, volume, now } = view;
  const { status } = snapshot;
  // Before anything else, whatever became of the snapshot: somebody is paused.
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

/** The status without what a failure left. */
export function withoutFailure(status: SnapshotStatus): SnapshotStatus {
  const { failureMessage: _m, failureHint: _h, nextAttemptAt: _n, ...rest } = status;
  return rest;
}

/** Status of a snapshot that cannot be begun yet. */
export function waitingStatus(status: SnapshotStatus, failureMessage: string): SnapshotStatus {
  return { ...withoutFailure(status), state: "Pending", failureMessage };
}

/**
 * Status after a failed attempt: with a time to retry, or without one when retrying cannot help or was tried
 * enough.
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
