/** Forgets what a backup says of disks, and doubts what it shows as not done. @module */
import type { Store } from "../../store/store.ts";

/**
 * Forgets the filesystems of volumes, which may be of another machine or of lost disks: the next mount
 * records them again. Forgets which devices are blank, too: they may have been written since the backup.
 */
export async function forgetDisks(store: Store): Promise<void> {
  await store.transact((tx) => {
    for (const volume of tx.list("volume")) {
      const { filesystem, blank, ...status } = volume.status;
      if (filesystem || blank) tx.update(volume, { status });
    }
  });
}

/**
 * Marks the volumes and snapshots that the backup shows as not done. The daemon may have done them after the
 * backup: such a volume may have been written, and such a snapshot may be torn.
 */
export async function doubtUnfinished(store: Store): Promise<void> {
  await store.transact((tx) => {
    for (const volume of tx.list("volume")) {
      const { status } = volume;
      if (status.handle === undefined) tx.update(volume, { status: { ...status, mayHoldData: true } });
    }
    for (const snapshot of tx.list("snapshot")) {
      const { status } = snapshot;
      if (status.handle === undefined) tx.update(snapshot, { status: { ...status, retake: true } });
    }
  });
}
