/**
 * The volumes that nodes have mounted or confirmed since this daemon started. A path in a volume's status may
 * be older than the last reboot, so instances start only with paths from here. A volume is added after its
 * node has mounted it, and removed before its node is asked to unmount it.
 * @module
 */

/** A volume that is mounted now. */
export interface MountedVolume {
  /** The volume's root directory on its node, as passed to runners. */
  path: string;
}

/** See the module comment. Keys are volume uids. */
export interface MountedVolumes {
  get(volumeUid: string): MountedVolume | undefined;
  set(volumeUid: string, mounted: MountedVolume): void;
  delete(volumeUid: string): void;
}

/** Creates an empty set. @param onMounted is called for every volume that is added at a new path. */
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
