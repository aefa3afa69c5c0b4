/**
 * Which volumes are mounted, as far as this daemon has made sure of it since it started. A path in a volume's status may be from
 * before a reboot; one in this table is not, and instances start from this table alone.
 * @module
 */

/** See the module comment. Keys are volume uids. */
export interface MountTable {
  /** The root directory of a volume that is mounted now. */
  get(volumeUid: string): string | undefined;
  /** The uid of another volume whose root is this directory, or lies above or below it. */
  overlapping(volumeUid: string, path: string): string | undefined;
  set(volumeUid: string, path: string): void;
  delete(volumeUid: string): void;
}

/** Makes an empty table; `onMounted` hears of every volume that comes in. */
export function createMountTable(onMounted: (volumeUid: string) => void): MountTable {
  const paths = new Map<string, string>();
  return {
    get: (uid) => paths.get(uid),
    overlapping(uid, path) {
      const within = (inner: string, outer: string) => `${inner}/`.startsWith(`${outer}/`);
      for (const [other, root] of paths) {
        if (other !== uid && (within(path, root) || within(root, path))) return other;
      }
      return undefined;
    },
    set(uid, path) {
      if (paths.get(uid) === path) return;
      paths.set(uid, path);
      onMounted(uid);
    },
    delete: (uid) => void paths.delete(uid),
  };
}
