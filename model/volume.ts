/** Volume: a unit of durable storage (seed 001, SPEC 4). @module */
import { z } from "zod";
import { filesystemSchema } from "./filesystem.ts";
import { labelsSchema } from "./labels.ts";
import { nameSchema } from "./name.ts";
import { classRefSchema } from "./reference.ts";
import { bytesSchema } from "./quantity.ts";
import { conditionSchema, type Resource, resourceSchema } from "./envelope.ts";
import { ownSnapshotPolicySchema, snapshotPolicySchema } from "./snapshot_policy.ts";
import { volumeSourceSchema, writtenSourceSchema } from "./volume_source.ts";
import { parametersSchema, reclaimPolicySchema } from "./storage_class.ts";

/** Who may mount a volume at once (SPEC 4.3). */
export const accessModeSchema = z.enum(["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany"]);
export type AccessMode = z.infer<typeof accessModeSchema>;

const specFields = {
  /** The class; the default class at the time of the first write when omitted, and pinned from then on. */
  storageClassName: classRefSchema.optional(),
  size: bytesSchema,
  accessMode: accessModeSchema,
  /** The class's policy when omitted. */
  reclaimPolicy: reclaimPolicySchema.optional(),
  parameters: parametersSchema.default({}),
  /** The class's when omitted; may change at any time. */
  snapshotPolicy: ownSnapshotPolicySchema.optional(),
};

/** A volume as a castfile writes it. */
export const volumeBody = z.strictObject({
  name: nameSchema,
  namespace: nameSchema.optional(),
  labels: labelsSchema,
  ...specFields,
  /** The data it begins with. */
  source: writtenSourceSchema.optional(),
});

export const volumeSpecSchema = z.strictObject({
  ...specFields,
  /** The data it began with. */
  source: volumeSourceSchema.optional(),
});

/** States of a volume (SPEC 4.2). */
export const volumeStateSchema = z.enum([
  "Pending",
  "Provisioning",
  "Available",
  "Bound",
  "Released",
  "Failed",
  "Stalled",
  "Deleting",
]);
export type VolumeState = z.infer<typeof volumeStateSchema>;

/** What a snapshot policy did for a volume, and does next. */
export const snapshotScheduleSchema = z.object({
  /** The policy that holds, wherever it is from. */
  policy: snapshotPolicySchema,
  /** The last that became Ready, and when it was asked for. */
  last: z.object({ name: z.string(), at: z.string() }).optional(),
  /** One that is being taken. */
  taking: z.string().optional(),
  /** Why the last attempt failed, while none has become Ready since. */
  failureMessage: z.string().optional(),
  /** When the next one is due; absent while one is being taken. */
  nextAt: z.string().optional(),
});

export const volumeStatusSchema = z.object({
  state: volumeStateSchema,
  /** The driver's identifier: a path, a cloud volume's id. */
  handle: z.string().optional(),
  /** `<namespace>/<instance>` of whoever mounts it, the first when several do. */
  boundClaim: z.string().optional(),
  /** The node where it is attached. */
  boundNode: z.string().optional(),
  /** Where it is mounted on the node while somebody holds a lease on it. */
  mountPath: z.string().optional(),
  /** Set when a claim template made it. */
  ownerService: z.string().optional(),
  /** Set when its service was deleted and the data kept. */
  releasedAt: z.string().optional(),
  failureMessage: z.string().optional(),
  /** What to do about the failure. */
  failureHint: z.string().optional(),
  /** Provisioning attempts since the last success or `retry-provision`. */
  attempts: z.number().int(),
  lastAttemptAt: z.string().optional(),
  /** The request to retry that the attempts answer. */
  retriedFor: z.string().optional(),
  /** When the next attempt is due. */
  nextAttemptAt: z.string().optional(),
  /** Size that the driver has made it, in bytes. */
  sizeBytes: z.number().int().optional(),
  /** The merged parameters at the last successful provisioning, secret references unresolved. */
  driverParameters: z.record(z.string(), z.string()).optional(),
  /** The driver that provisioned it; kept so that a class that is gone stops nothing. */
  driver: z.string().optional(),
  /** When an instance was first let write to it, its init steps done; until then it is fresh (`runIf: freshVolume`). */
  initializedAt: z.string().optional(),
  /** True when provisioning found data in place and kept it. */
  adopted: z.boolean().optional(),
  /** What it was made on, and is mounted from only; absent where its driver looks after that itself, and on what an older Rune made. */
  filesystem: filesystemSchema.optional(),
  /** Present while a snapshot policy holds for it. */
  snapshots: snapshotScheduleSchema.optional(),
  conditions: z.array(conditionSchema),
});

export type VolumeSpec = z.infer<typeof volumeSpecSchema>;
export type VolumeStatus = z.infer<typeof volumeStatusSchema>;
export type Volume = Resource<"volume", VolumeSpec, VolumeStatus>;

export const volumeResource = resourceSchema("volume", {
  spec: volumeSpecSchema,
  status: volumeStatusSchema,
});
