/**
 * Applies the limits of a provider to the snapshots of one volume, however they were taken: how many there
 * may be, and how soon after each other. Pure.
 * @module
 */
import { elapsedMs, type Moment } from "../../base/clock.ts";
import type { DriverCapabilities } from "../../drivers/driver.ts";
import { describeKey } from "../../model/resource.ts";
import type { Snapshot } from "../../model/snapshot.ts";
import type { Volume } from "../../model/volume.ts";
import type { Reader } from "../../store/store.ts";

/** See `DriverCapabilities`. Undefined if there are none. */
export type SnapshotLimits = DriverCapabilities["snapshotLimits"];

/** Snapshots of a volume, against limits. */
export interface LimitView {
  /** See {@linkcode listCopies}. */
  copies: Snapshot[];
  limits: SnapshotLimits;
}

/** What the next snapshot of a volume must wait for. */
export interface LimitWait {
  message: string;
  hint?: string;
  /** When to look again. Absent if a change in the store will tell. */
  afterMs?: number;
}

/** The snapshots of a volume that its provider has, or may have. One that failed for good leaves nothing. */
export function listCopies(volume: Volume, state: Pick<Reader, "list">): Snapshot[] {
  return state.list("snapshot", volume.namespace).filter(({ status }) =>
    status.origin?.uid === volume.uid && (status.state !== "Failed" || status.nextAttemptAt !== undefined)
  );
}

/** Whether a volume has as many snapshots as its provider allows. */
export function isFull({ copies, limits }: LimitView): boolean {
  return limits !== undefined && copies.length >= limits.mostPerVolume;
}

/** How long the provider refuses another snapshot after the last one, in milliseconds. */
export function intervalLeftMs({ copies, limits, now }: LimitView & { now: Moment }): number {
  if (!limits) return 0;
  const left = copies.flatMap(({ status: { takenAt } }) =>
    takenAt === undefined ? [] : [limits.minIntervalMs - elapsedMs(takenAt, now)]
  );
  return Math.max(0, ...left);
}

/** The sentence about a volume that is full. */
export const describeFull = (volume: Volume, most: number): string =>
  `volume ${describeKey(volume)} has as many snapshots as its driver allows: ${most}`;

/** What to do about a volume that is full. */
export const FULL_HINT = "delete one that nobody needs: rune snapshot delete <name>";

/** What a snapshot must wait for because of the other snapshots of its volume; undefined for nothing. */
export function findLimitWait(
  { snapshot, volume, copies, limits, now }: LimitView & { snapshot: Snapshot; volume: Volume; now: Moment },
): LimitWait | undefined {
  if (!limits) return undefined;
  const others = copies.filter(({ uid }) => uid !== snapshot.uid);
  // One that began before a restart of the daemon does not wait for another one that did.
  const taking = snapshot.status.state === "Creating"
    ? undefined
    : others.find(({ status }) => status.state === "Creating");
  if (taking) return { message: `waits for snapshot ${describeKey(taking)}, which is being taken` };
  if (isFull({ copies: others, limits })) {
    return { message: describeFull(volume, limits.mostPerVolume), hint: FULL_HINT };
  }
  const afterMs = intervalLeftMs({ copies: others, limits, now });
  if (afterMs === 0) return undefined;
  const minutes = Math.ceil(limits.minIntervalMs / 60_000);
  return { message: `waits until ${minutes} minutes after the last snapshot of the volume`, afterMs };
}
