/**
 * Records which instances this daemon has observed since their runner became reachable. The stored state of
 * the others may be older than an outage of the host or the Engine. It is kept in memory only, so the next
 * daemon starts without observations.
 * @module
 */
import { elapsedMs, type Moment } from "../../base/clock.ts";
import { type Instance, type InstanceStatus, isAlive } from "../../model/instance.ts";

/** See the module comment. */
export interface Looks {
  /** Records that the instance's run was observed. */
  addLook(instanceUid: string): void;
  has(instanceUid: string): boolean;
  /** Forgets the observation, because the runner may have been unreachable. */
  forget(instanceUid: string): void;
}

/** Starts without any observation. */
export function createLooks(): Looks {
  const seen = new Set<string>();
  return {
    addLook: (uid) => void seen.add(uid),
    has: (uid) => seen.has(uid),
    forget: (uid) => void seen.delete(uid),
  };
}

/**
 * Whether an instance that ran before went down with everything else rather than by its own fault. That is so
 * if the host was started after its last run began, its runner was unreachable, or its end was not observed.
 */
export function isDownWithAll(status: InstanceStatus, bootId: string): boolean {
  if (status.run === 0 || status.state === "Completed" || status.state === "Stopped") return false;
  return status.awaitsSince !== undefined || status.reason === "RunnerUnavailable" ||
    (status.boot !== undefined && status.boot !== bootId);
}

/** When an Engine stops, it ends its containers first and still reports that. */
const OUTAGE_MS = 60_000;

/**
 * Whether an instance that is down at the first observation after an outage ended because of that outage: its
 * end, or the last attempt to restart it, was just before.
 */
export function fellWithRunner(
  { run, state, awaitsSince, lastFailure }: InstanceStatus,
  { firstLook, now }: { firstLook?: boolean; now: Moment },
): boolean {
  const down = state === "Pending" || state === "Failed" || state === "Starting";
  return firstLook === true && run > 0 && down && awaitsSince === undefined && lastFailure !== undefined &&
    elapsedMs(lastFailure.at, now) < OUTAGE_MS;
}

/** What decides whether the stored state of other instances is current. */
export interface Belief {
  looks: Looks;
  bootId: string;
}

/** Whether the stored state of another instance is current. */
export function isBelieved({ uid, status }: Instance, { looks, bootId }: Belief): boolean {
  return isAlive(status.state) ? looks.has(uid) : !isDownWithAll(status, bootId);
}
