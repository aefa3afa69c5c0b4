/** Snapshot: a point-in-time copy of one volume (seed 001). @module */
import { z } from "zod";
import { labelsSchema } from "./labels.ts";
import { nameSchema } from "./name.ts";
import { ownSnapshotPolicySchema } from "./snapshot_policy.ts";
import { reclaimPolicySchema } from "./storage_class.ts";
import { sourceVolumeSchema } from "./reference.ts";
import { type Resource, resourceSchema } from "./envelope.ts";
import { accessModeSchema } from "./volume.ts";

const specFields = {
  /** A volume of the same namespace. */
  source: z.strictObject({ volume: sourceVolumeSchema }),
  /** Whether those who write the volume are paused for the copy; true when omitted. */
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

/** A run that was paused for the copy, or is about to be: whoever finds it here must resume it. */
export const pausedRunSchema = z.object({
  instanceUid: z.string(),
  run: z.number().int(),
  runner: z.enum(["docker", "process"]),
  namespace: z.string(),
  instance: z.string(),
});
export type PausedRun = z.infer<typeof pausedRunSchema>;

/** What was true of the volume when it was copied: restoring and deleting need nothing else. */
export const snapshotOriginSchema = z.object({
  uid: z.string(),
  size: z.string(),
  accessMode: accessModeSchema,
  storageClassName: nameSchema.optional(),
  reclaimPolicy: reclaimPolicySchema.optional(),
  /** The volume's own; absent where it had none, or its template's or class's held. */
  snapshotPolicy: ownSnapshotPolicySchema.optional(),
  /** The service whose claim template had made it. */
  ownerService: nameSchema.optional(),
});

export const snapshotStatusSchema = z.object({
  state: z.enum(["Pending", "Creating", "Ready", "Deleting", "Failed"]),
  /** The driver's identifier. */
  handle: z.string().optional(),
  sizeBytes: z.number().int().optional(),
  failureMessage: z.string().optional(),
  /** What to do about the failure. */
  failureHint: z.string().optional(),
  /** Failed attempts. */
  attempts: z.number().int().default(0),
  /** When the next attempt is due; absent when there is none. */
  nextAttemptAt: z.string().optional(),
  /** The copy reads the volume now, and nobody may begin to write it. */
  copying: z.literal(true).optional(),
  /** Paused for the copy. */
  paused: z.array(pausedRunSchema).optional(),
  /** The moment that the copy shows: its writers were held until then. */
  takenAt: z.string().optional(),
  /** The driver that has it, and with which parameters: kept so that a class or volume that is gone stops nothing. */
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
