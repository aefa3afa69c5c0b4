/** The operations on snapshots. @module */
import { type Account, notFound, Refusal, type Snapshot, unprocessable } from "./account.ts";
import { requireVolume } from "./volumes.ts";

const MOST_PER_VOLUME = 25;
const TEN_MINUTES_MS = 600_000;

/** The snapshots of a volume, oldest first. */
export const snapshotsOf = (account: Account, volumeId: string): Snapshot[] =>
  [...account.snapshots.values()].filter((snapshot) => snapshot.volumeId === volumeId);

/** @throws {Refusal} 404. */
export function requireSnapshot(account: Account, id: string): Snapshot {
  const snapshot = account.snapshots.get(id);
  if (!snapshot) throw notFound();
  return snapshot;
}

/** Takes a snapshot. What lies on the device at this moment is copied before the answer. */
export async function createSnapshot(
  account: Account,
  { volumeId, name, tenMinutes }: { volumeId: string; name: string; tenMinutes: boolean },
): Promise<Snapshot> {
  const volume = requireVolume(account, volumeId);
  const others = snapshotsOf(account, volumeId);
  if (others.some((other) => other.name === name)) {
    throw new Refusal(409, "conflict", "a snapshot with the same name already exists");
  }
  if (others.length >= MOST_PER_VOLUME) {
    throw unprocessable(`cannot take more than ${MOST_PER_VOLUME} snapshots of a volume`);
  }
  const now = account.now();
  if (tenMinutes && others.some(({ createdAt }) => now - createdAt.getTime() < TEN_MINUTES_MS)) {
    throw unprocessable("a snapshot of this volume was taken less than 10 minutes ago");
  }
  const id = crypto.randomUUID();
  await account.backing.copy(volume, id);
  const { region, sizeGb } = volume;
  const snapshot = { ...{ id, name, volumeId, region, sizeGb }, createdAt: new Date(now) };
  account.snapshots.set(id, snapshot);
  return snapshot;
}

/** Deletes a snapshot. */
export async function deleteSnapshot(account: Account, id: string): Promise<void> {
  requireSnapshot(account, id);
  account.snapshots.delete(id);
  await account.backing.removeCopy(id);
}
