/** What a volume's snapshot policy asks for next, decided from what was observed and nothing else. @module */
import type { DriverCapabilities } from "../../drivers/driver.ts";
import { parseDuration } from "../../model/duration.ts";
import { ANNOTATIONS } from "../../model/marks.ts";
import type { Snapshot } from "../../model/snapshot.ts";
import type { SnapshotPolicy } from "../../model/snapshot_policy.ts";
import type { Volume, VolumeStatus } from "../../model/volume.ts";

/** After a snapshot that failed for good the next one is not tried sooner, unless `every` is shorter. */
const RETRY_MS = 60 * 60_000;
/** What clocks differ by; a time further ahead than this was written before the clock was set back. */
const AHEAD_MS = 60_000;
/** The longest wait in one go: timers take no more than 24 days. */
const LONGEST_MS = 60 * 60_000;

/** All that the plan looks at. */
export interface SnapshotPolicyView {
  /** Undefined when it is gone. */
  volume: Volume | undefined;
  /** The policy that holds for it. */
  policy: SnapshotPolicy | undefined;
  /** The snapshots that policies took of volumes of its name, in any order. */
  taken: Snapshot[];
  /** Whether a volume is about to be made from a snapshot; asked only of those that would go. */
  isNeeded(snapshot: Snapshot): boolean;
  /** Of its driver; undefined when this daemon has no such driver. */
  capabilities: DriverCapabilities | undefined;
  now: Date;
}

/** What to do at once, what to say, and when to look again. */
export interface SnapshotPolicyPlan {
  take: boolean;
  /** Snapshots beyond what is kept, and failures that a newer one made up for. */
  remove: Snapshot[];
  schedule: VolumeStatus["snapshots"];
  afterMs?: number;
}

/**
 * Decides. At any time, what was written more than `every` ago is in a snapshot: the first is due that long
 * after the volume was made, at once where it began with data; each further one that long after the last.
 * However many were missed, one makes up for them.
 */
export function planSnapshotPolicy(view: SnapshotPolicyView): SnapshotPolicyPlan {
  const { policy, isNeeded, capabilities, now } = view;
  const volume = view.volume?.deletionRequestedAt === undefined ? view.volume : undefined;
  const taken = view.taken.filter((s) => s.deletionRequestedAt === undefined)
    .sort((a, b) => numberOf(b) - numberOf(a));
  const isOwn = (s: Snapshot) => s.annotations[ANNOTATIONS.policyVolume] === volume?.uid;
  // Of a volume that went meanwhile: there is nothing in them, and never will be.
  const unfinished = taken.filter((s) => !isOwn(s) && !isReady(s));
  // Without a handle there is nothing to copy: it is not provisioned, or given up.
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
  const dueAt = nextAt(volume, { policy, last: own[0], now });
  const due = dueAt <= now.getTime();
  const take = due && busy === undefined && capabilities?.snapshots === true;
  const message = !madeUp && failure?.status.failureMessage;
  return {
    take,
    remove,
    schedule: {
      policy: { every: policy.every, keep: policy.keep },
      ...(ready[0] && { last: { name: ready[0].name, at: ready[0].createdAt } }),
      ...(busy && { taking: busy.name }),
      ...(message && { failureMessage: message }),
      ...(!busy && !due && { nextAt: new Date(dueAt).toISOString() }),
    },
    // One that is being taken says when it is done.
    ...(!busy && !due && { afterMs: Math.min(dueAt - now.getTime(), LONGEST_MS) }),
  };
}

const isReady = ({ status }: Snapshot) => status.state === "Ready";

/** Whether the snapshot controller has given it up. */
const hasFailed = ({ status }: Snapshot) => status.state === "Failed" && status.nextAttemptAt === undefined;

/** The how-manieth of its policy a snapshot is: an order that no clock changes. */
export const numberOf = ({ annotations }: Snapshot) => Number(annotations[ANNOTATIONS.policyNumber] ?? 0);

/** Whether it holds what was written before it was made: adopted, restored, or brought back. */
const beganWithData = ({ spec, status, annotations }: Volume) =>
  status.adopted === true || spec.source !== undefined || ANNOTATIONS.undeleteFrom in annotations;

/**
 * When the next one is due, in milliseconds since 1970. A time that is still to come says nothing: the clock
 * was set back.
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
