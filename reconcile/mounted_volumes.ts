/**
 * What nodes have answered for: the volumes that are mounted, as far as is known since this daemon started. A
 * path in a volume's status may be from before a reboot; one here is not, and instances start from what is
 * here alone. A volume leaves before its node is asked to unmount it, and enters once its node has mounted
 * it.
 * @module
 */

/** A volume that is mounted now. */
export interface MountedVolume {
  /** Its root on its node, as runners are given it. */
  path: string;
}

/** See the module comment. Keys are volume uids. */
export interface MountedVolumes {
  get(volumeUid: string): MountedVolume | undefined;
  set(volumeUid: string, mounted: MountedVolume): void;
  delete(volumeUid: string): void;
}

/** Nothing is mounted yet. @param onMounted hears of every volume that comes in. */
export function createMountedVolumes(onMounted: (volumeUid: string) => void): MountedVolumes {
  const volumes = new Map<string, MountedVolume>();
  return {
    get: (uid) => volumes.get(uid),
    set(uid, mounted) {
      const isNews = volumes.get(uid)?.path !== mounted.path;
      volumes.set(uid, mounted);
      if (isNews) onMounted(uid);
    },
    delete: (uid) => void volumes.delete(uid),
  };
}
