/** Snapshot: a point-in-time copy of one volume. @module */
import { z } from "zod";
import { labelsSchema } from "./labels.ts";
import { nameSchema } from "./name.ts";
import { ownSnapshotPolicySchema } from "./snapshot_policy.ts";
import { reclaimPolicySchema } from "./storage_class.ts";
import { sourceVolumeSchema } from "./reference.ts";
import { type Resource, resourceSchema } from "./envelope.ts";
import { accessModeSchema } from "./volume.ts";

const specFields = {
  /** A volume in the same namespace. */
  source: z.strictObject({ volume: sourceVolumeSchema }),
  /** Whether to pause the volume's writers during the copy. Default: true. */
  pause: z.boolean().optional(),
};

/** A snapshot as a castfile writes it. */
export const snapshotBody = z.strictObject({
  name: nameSchema,
  namespace: nameSchema.optional(),
  labels: labelsSchema,
  ...specFields,
});

export const snapshotSpecSchema = z.strictObject(specFields);

/** A run that is paused for the copy, or about to be. Whoever finds it here must resume it. */
export const pausedRunSchema = z.object({
  instanceUid: z.string(),
  run: z.number().int(),
  runner: z.enum(["docker", "process"]),
  namespace: z.string(),
  instance: z.string(),
});
export type PausedRun = z.infer<typeof pausedRunSchema>;

/** The volume's properties at the time of the copy. Restoring and deleting need nothing else. */
export const snapshotOriginSchema = z.object({
  uid: z.string(),
  size: z.string(),
  accessMode: accessModeSchema,
  storageClassName: nameSchema.optional(),
  reclaimPolicy: reclaimPolicySchema.optional(),
  /** The volume's own policy; absent if its template's or class's policy applied. */
  snapshotPolicy: ownSnapshotPolicySchema.optional(),
  /** The service whose claim template made the volume. */
  ownerService: nameSchema.optional(),
  /** The parameters with secrets that the volume itself set. The class had the others. */
  ownSecrets: z.array(z.string()).optional(),
});

export const snapshotStatusSchema = z.object({
  state: z.enum(["Pending", "Creating", "Ready", "Deleting", "Failed"]),
  /** The driver's identifier. */
  handle: z.string().optional(),
  sizeBytes: z.number().int().optional(),
  failureMessage: z.string().optional(),
  /** What to do about the failure. */
  failureHint: z.string().optional(),
  /** The number of failed attempts. */
  attempts: z.number().int().default(0),
  /** When the next attempt is due; absent if there is none. */
  nextAttemptAt: z.string().optional(),
  /** The copy is reading the volume, so nobody may start to write it. */
  copying: z.literal(true).optional(),
  /**
   * Set on a snapshot that was not Ready in the backup that was restored, until it is: an attempt since that
   * backup may have left a torn copy.
   */
  retake: z.literal(true).optional(),
  /** Runs paused for the copy. */
  paused: z.array(pausedRunSchema).optional(),
  /** The moment that the copy shows: its writers were paused until then. */
  takenAt: z.string().optional(),
  /**
   * The driver that holds it, and its parameters. Kept here so that a deleted class or volume blocks nothing.
   */
  driver: z.string().optional(),
  driverParameters: z.record(z.string(), z.string()).optional(),
  origin: snapshotOriginSchema.optional(),
});

export type SnapshotSpec = z.infer<typeof snapshotSpecSchema>;
export type SnapshotStatus = z.infer<typeof snapshotStatusSchema>;
export type Snapshot = Resource<"snapshot", SnapshotSpec, SnapshotStatus>;

export const snapshotResource = resourceSchema("snapshot", {
  spec: snapshotSpecSchema,
  status: snapshotStatusSchema,
});
