/** Finalizers and annotations: the marks by which rooms that never call each other agree. @module */

/** Work that must be done before a resource may go; each is released by one controller. */
export const FINALIZERS = {
  /** Service: its instances still exist. On every service. */
  instances: "rune.io/instances",
  /** Service: the volumes its claim templates made go with it (`--cascade`). */
  volumeCleanup: "rune.io/volume-cleanup",
  /** Instance: its container or process may still exist. On every instance. */
  run: "rune.io/run",
  /** Volume: the driver has not reclaimed or let go of it. On every volume. */
  reclaim: "rune.io/reclaim",
  /** Snapshot: its copy may still exist, and runs that were paused for it may still be paused. On every snapshot. */
  snapshot: "rune.io/snapshot",
} as const;

/** Requests that are no part of a spec, so that casting the same file again still says `unchanged`. */
export const ANNOTATIONS = {
  /** Service: RFC 3339 time of the last `rune restart`; instances made before it are replaced. */
  restartedAt: "rune.io/restarted-at",
  /** Service: the gradual scale that was asked for last, as JSON; see `model/gradual_scale.ts`. */
  gradualScale: "rune.io/gradual-scale",
  /** Service: who wrote its spec as it is now; kept with the spec in the history. */
  changedBy: "rune.io/changed-by",
  /** Volume: RFC 3339 time of the last `rune volume detach`. */
  detachRequestedAt: "rune.io/detach-requested-at",
  /** Volume: the trash entry whose data it is made of (`rune volume undelete`). */
  undeleteFrom: "rune.io/undelete-from",
  /** Volume: Rune made it for a volume that an image declares; see `model/image_volume.ts`. */
  imageContent: "rune.io/image-content",
  /** Service: a digest of what it last had its image pulled for; later runs of the same make do with the image that is here. */
  pulledFor: "rune.io/pulled-for",
  /** Volume: it was deleted with `--now`, past the trash. */
  deleteNow: "rune.io/delete-now",
  /** Snapshot: a backup took it for itself, and removes it; what an earlier daemon's backup left goes at the next start. */
  forBackup: "rune.io/for-backup",
  /** Volume: RFC 3339 time of the last `rune volume retry-provision`. */
  retryRequestedAt: "rune.io/retry-requested-at",
  /** Snapshot: uid of the volume whose snapshot policy took it; the policy removes only such. */
  scheduledFor: "rune.io/scheduled-for",
  /** Snapshot: the how-manieth of that policy it is, from 1. */
  scheduleNumber: "rune.io/schedule-number",
} as const;
