/**
 * Which instances this daemon has looked at since their runner could last be reached. What the store says of
 * another is of before an outage: the host may have been down, or the Engine, and everything with it. In
 * memory alone: the next daemon looks anew.
 * @module
 */
import { elapsedMs, type Moment } from "../../base/clock.ts";
import { type Instance, type InstanceStatus, isAlive } from "../../model/instance.ts";

/** See the module comment. */
export interface Looks {
  /** Its run was looked at now. */
  addLook(instanceUid: string): void;
  has(instanceUid: string): boolean;
  /** Its runner was out of reach, perhaps. */
  forget(instanceUid: string): void;
}

/** Nothing has been looked at yet. */
export function createLooks(): Looks {
  const seen = new Set<string>();
  return {
    addLook: (uid) => void seen.add(uid),
    has: (uid) => seen.has(uid),
    forget: (uid) => void seen.delete(uid),
  };
}

/**
 * Whether an instance that ran before is down together with everything else, and not by a fault of its own:
 * the host was started since its last run began, its runner could not be reached, or its end was not seen.
 */
export function isDownWithAll(status: InstanceStatus, bootId: string): boolean {
  if (status.run === 0 || status.state === "Completed" || status.state === "Stopped") return false;
  return status.awaitsSince !== undefined || status.reason === "RunnerUnavailable" ||
    (status.boot !== undefined && status.boot !== bootId);
}

/** An Engine that is stopped ends its containers first, and is still there to tell of it. */
const OUTAGE_MS = 60_000;

/**
 * Whether an instance that is down at the first look since its runner came back was ended by what took the
 * runner away: its end, or the last attempt to start it again, was just before.
 */
export function fellWithRunner(
  { run, state, awaitsSince, lastFailure }: InstanceStatus,
  { firstLook, now }: { firstLook?: boolean; now: Moment },
): boolean {
  const down = state === "Pending" || state === "Failed" || state === "Starting";
  return firstLook === true && run > 0 && down && awaitsSince === undefined && lastFailure !== undefined &&
    elapsedMs(lastFailure.at, now) < OUTAGE_MS;
}

/** What tells whether the stored state of others can be believed. */
export interface Belief {
  looks: Looks;
  bootId: string;
}

/** Whether what the store says of another instance is of now. */
export function isBelieved({ uid, status }: Instance, { looks, bootId }: Belief): boolean {
  return isAlive(status.state) ? looks.has(uid) : !isDownWithAll(status, bootId);
}
