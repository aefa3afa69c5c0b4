/** Plans the next steps of a volume's snapshot policy, only from its observed state. @module */
import type { DriverCapabilities } from "../../drivers/driver.ts";
import { parseDuration } from "../../model/duration.ts";
import { ANNOTATIONS } from "../../model/marks.ts";
import type { Moment } from "../../base/clock.ts";
import type { Snapshot } from "../../model/snapshot.ts";
import type { SnapshotPolicy } from "../../model/snapshot_policy.ts";
import type { Volume, VolumeStatus } from "../../model/volume.ts";
import { describeFull, intervalLeftMs, isFull } from "../snapshot/limits.ts";

/** The wait after a snapshot that failed for good, unless `every` is shorter. */
const RETRY_MS = 60 * 60_000;
/** Tolerated clock difference. A time further in the future was written before the clock was set back. */
const AHEAD_MS = 60_000;
/** The longest single wait, since timers are limited to 24 days. */
const LONGEST_MS = 60 * 60_000;

/** The observed state that a plan is made from. */
export interface SnapshotPolicyView {
  /** The volume; undefined if it is gone. */
  volume: Volume | undefined;
  /** The volume's policy. */
  policy: SnapshotPolicy | undefined;
  /** The snapshots that policies took of volumes with this name, in any order. */
  taken: Snapshot[];
  /** The snapshots of the volume that its provider may have, whoever took them. */
  copies: Snapshot[];
  /**
   * Whether a volume is still to be restored from a snapshot. Called only for snapshots that would be
   * removed.
   */
  isNeeded(snapshot: Snapshot): boolean;
  /** Capabilities of the volume's driver; undefined if this daemon has no such driver. */
  capabilities: DriverCapabilities | undefined;
  now: Moment;
}

/** What to do now, what to write to the status, and when to look again. */
export interface SnapshotPolicyPlan {
  take: boolean;
  /** Snapshots beyond the number to keep, and failures before a newer good one. */
  remove: Snapshot[];
  schedule: VolumeStatus["snapshots"];
  afterMs?: number;
}

/**
 * Plans so that data older than `every` is always in a snapshot. The first snapshot is due `every` after the
 * volume was created, or at once if the volume started with data. Each further one is due `every` after the
 * last. One snapshot makes up for any number of missed ones.
 */
export function planSnapshotPolicy(view: SnapshotPolicyView): SnapshotPolicyPlan {
  const { policy, isNeeded, capabilities, now } = view;
  const volume = view.volume?.deletionRequestedAt === undefined ? view.volume : undefined;
  const taken = view.taken.filter((s) => s.deletionRequestedAt === undefined)
    .sort((a, b) => numberOf(b) - numberOf(a));
  const isOwn = (s: Snapshot) => s.annotations[ANNOTATIONS.policyVolume] === volume?.uid;
  // Unfinished snapshots of an earlier volume will never get any data.
  const unfinished = taken.filter((s) => !isOwn(s) && !isReady(s));
  // Without a handle there is nothing to copy: the volume is not provisioned, or stalled.
  if (!policy || volume?.status.handle === undefined) {
    return { take: false, remove: unfinished, schedule: undefined };
  }
  const own = taken.filter(isOwn);
  const ready = own.filter(isReady);
  const failure = own.find(hasFailed);
  const madeUp = failure && ready[0] ? own.indexOf(ready[0]) < own.indexOf(failure) : false;
  const remove = [
    ...unfinished,
    ...ready.slice(policy.keep),
    ...own.filter((s) => hasFailed(s) && (madeUp || s !== failure)),
  ].filter((s) => !isNeeded(s));
  const busy = own.find((s) => !isReady(s) && !hasFailed(s));
  const limited = { copies: view.copies, limits: capabilities?.snapshotLimits, now };
  const dueAt = Math.max(
    nextAt(volume, { policy, last: own[0], now }),
    now.getTime() + intervalLeftMs(limited),
  );
  const due = dueAt <= now.getTime();
  const wanted = due && busy === undefined && capabilities?.snapshots === true;
  const blocked = wanted && isFull(limited) ? makeRoom(view, { ready, keep: policy.keep }) : undefined;
  const message = blocked?.message ?? (!madeUp && failure?.status.failureMessage);
  return {
    take: wanted && !blocked,
    remove: [...remove, ...blocked?.remove ?? []],
    schedule: {
      policy: { every: policy.every, keep: policy.keep },
      ...(ready[0] && { last: { name: ready[0].name, at: ready[0].createdAt } }),
      ...(busy && { taking: busy.name }),
      ...(message && { failureMessage: message }),
      ...(!busy && !due && { nextAt: new Date(dueAt).toISOString() }),
    },
    // A snapshot in progress wakes this controller when it is done.
    ...(!busy && !due && { afterMs: Math.min(dueAt - now.getTime(), LONGEST_MS) }),
  };
}

/**
 * Makes room for a snapshot of a volume that has as many as its provider allows: the oldest one of the policy
 * goes, as it would after the next one, unless it is the last one or too few are kept already.
 *
 * @returns what to remove; with a message if there is nothing.
 */
function makeRoom(
  { volume, copies, isNeeded, capabilities }: SnapshotPolicyView,
  { ready, keep }: { ready: Snapshot[]; keep: number },
): { remove: Snapshot[]; message?: string } {
  // One that is going makes room.
  if (copies.some((s) => s.deletionRequestedAt !== undefined)) return { remove: [] };
  const oldest = ready.length >= Math.max(keep, 2) ? ready.findLast((s) => !isNeeded(s)) : undefined;
  if (oldest) return { remove: [oldest] };
  const full = describeFull(volume!, capabilities!.snapshotLimits!.mostPerVolume);
  return { remove: [], message: `${full}; delete one, or keep fewer` };
}

const isReady = ({ status }: Snapshot) => status.state === "Ready";

/** Whether the snapshot controller has given up on it. */
const hasFailed = ({ status }: Snapshot) => status.state === "Failed" && status.nextAttemptAt === undefined;

/** A snapshot's number within its policy, an order that does not depend on the clock. */
export const numberOf = ({ annotations }: Snapshot) => Number(annotations[ANNOTATIONS.policyNumber] ?? 0);

/** Whether a volume started with data: adopted, restored or undeleted. */
const beganWithData = ({ spec, status, annotations }: Volume) =>
  status.adopted === true || spec.source !== undefined || ANNOTATIONS.undeleteFrom in annotations;

/**
 * When the next snapshot is due, in milliseconds since 1970. A time in the future is ignored, because the
 * clock was set back.
 */
function nextAt(
  volume: Volume,
  { policy, last, now }: { policy: SnapshotPolicy; last: Snapshot | undefined; now: Date },
): number {
  const everyMs = parseDuration(policy.every);
  if (!last && beganWithData(volume)) return now.getTime();
  const from = Date.parse((last ?? volume).createdAt);
  if (from > now.getTime() + AHEAD_MS) return now.getTime();
  return from + (last && hasFailed(last) ? Math.min(everyMs, RETRY_MS) : everyMs);
}
