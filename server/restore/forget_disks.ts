/** Forgets what a backup says of the disks of its volumes. @module */
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
