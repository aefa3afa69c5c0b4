/**
 * Finalizers and annotations: marks by which parts of the program agree that never call each other.
 * @module
 */

/** Work to do before a resource may be removed. One controller releases each. */
export const FINALIZERS = {
  /** Service: its instances still exist. Set on every service. */
  instances: "rune.io/instances",
  /** Service: delete the volumes of its claim templates too (`--cascade`). */
  volumeCleanup: "rune.io/volume-cleanup",
  /** Instance: its container or process may still exist. Set on every instance. */
  run: "rune.io/run",
  /** Volume: the driver has not deleted or released its data. Set on every volume. */
  reclaim: "rune.io/reclaim",
  /** Snapshot: its copy, or runs paused for it, may still exist. Set on every snapshot. */
  snapshot: "rune.io/snapshot",
} as const;

/** Requests that are not part of a spec, so that casting the same file again still reports `unchanged`. */
export const ANNOTATIONS = {
  /** Service: RFC 3339 time of the last `rune restart`. Instances made before it are replaced. */
  restartedAt: "rune.io/restarted-at",
  /** Service: the last request for gradual scaling, as JSON; see `model/gradual_scale.ts`. */
  gradualScale: "rune.io/gradual-scale",
  /** Service: who wrote its current spec; kept with the spec in the history. */
  changedBy: "rune.io/changed-by",
  /** Volume: RFC 3339 time of the last `rune volume detach`. */
  detachRequestedAt: "rune.io/detach-requested-at",
  /** Volume: the trash entry that it was restored from (`rune volume undelete`). */
  undeleteFrom: "rune.io/undelete-from",
  /** Volume: made for a volume that an image declares; see `model/image_volume.ts`. */
  imageContent: "rune.io/image-content",
  /**
   * Service: digest of the spec that its image was last pulled for. Later runs of the same spec use the image
   * that is here.
   */
  pulledFor: "rune.io/pulled-for",
  /**
   * Volume: the existing data that its author may name, and the secrets that reach it; see
   * `drivers/named_data.ts`. Service: the same for its claim templates; see `model/named_data.ts`.
   */
  namedData: "rune.io/named-data",
  /** Volume: it was deleted with `--now`, which skips the trash. */
  deleteNow: "rune.io/delete-now",
  /**
   * Snapshot: made by a backup, which removes it. The next start removes those of an earlier daemon's backup.
   */
  forBackup: "rune.io/for-backup",
  /** Volume: RFC 3339 time of the last `rune volume retry-provision`. */
  retryRequestedAt: "rune.io/retry-requested-at",
  /** Snapshot: uid of the volume whose policy made it. A policy removes only its own snapshots. */
  policyVolume: "rune.io/scheduled-for",
  /** Snapshot: its number in the policy's sequence, from 1. */
  policyNumber: "rune.io/schedule-number",
} as const;
