/** Volume: a unit of durable storage. @module */
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

/** Who may mount a volume at once. */
export const accessModeSchema = z.enum(["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany"]);
export type AccessMode = z.infer<typeof accessModeSchema>;

/** What a volume asks for, whether a user declares it or a claim template makes it. */
export const volumeSpecFields = {
  /** Default: the default class at the first write, which then stays. */
  storageClassName: classRefSchema.optional(),
  size: bytesSchema,
  accessMode: accessModeSchema,
  /** Default: the class's policy. */
  reclaimPolicy: reclaimPolicySchema.optional(),
  parameters: parametersSchema.default({}),
  /** Default: the class's policy. May change at any time. */
  snapshotPolicy: ownSnapshotPolicySchema.optional(),
};

/** A volume as a castfile writes it. */
export const volumeBody = z.strictObject({
  name: nameSchema,
  namespace: nameSchema.optional(),
  labels: labelsSchema,
  ...volumeSpecFields,
  /** The data that it starts with. */
  source: writtenSourceSchema.optional(),
});

export const volumeSpecSchema = z.strictObject({
  ...volumeSpecFields,
  /** The data that it started with. */
  source: volumeSourceSchema.optional(),
});

/** States of a volume: docs/storage.md, "States of a volume". */
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

/** What a snapshot policy did for a volume, and what it does next. */
export const snapshotPolicyStatusSchema = z.object({
  /** The policy that applies, wherever it comes from. */
  policy: snapshotPolicySchema,
  /** The last snapshot that became Ready, and when it was requested. */
  last: z.object({ name: z.string(), at: z.string() }).optional(),
  /** The snapshot in progress. */
  taking: z.string().optional(),
  /** Why the last attempt failed; absent once a later snapshot becomes Ready. */
  failureMessage: z.string().optional(),
  /** When the next snapshot is due; absent while one is in progress. */
  nextAt: z.string().optional(),
});

export const volumeStatusSchema = z.object({
  state: volumeStateSchema,
  /** The driver's identifier: a path, or the id of a cloud volume. */
  handle: z.string().optional(),
  /** The instance that mounts it, as `<namespace>/<instance>`; the first if there are several. */
  boundClaim: z.string().optional(),
  /** The node where it is attached. */
  boundNode: z.string().optional(),
  /** When it was unmounted from `boundNode`. Absent while it may be mounted, and once it is detached. */
  unmountedAt: z.string().optional(),
  /** The request to detach it that was made before its last mount. */
  detachedFor: z.string().optional(),
  /** Where it is mounted on the node while anyone holds a lease on it. */
  mountPath: z.string().optional(),
  /** The claim template that made it, if one did. */
  ownerService: z.string().optional(),
  /** Set if its service was deleted and the data kept. */
  releasedAt: z.string().optional(),
  failureMessage: z.string().optional(),
  /** What to do about the failure. */
  failureHint: z.string().optional(),
  /** Provisioning attempts since the last success or `retry-provision`. */
  attempts: z.number().int(),
  lastAttemptAt: z.string().optional(),
  /** The request to retry that the attempts belong to. */
  retriedFor: z.string().optional(),
  /** When the next attempt is due. */
  nextAttemptAt: z.string().optional(),
  /** The versions of the secrets that its parameters name, at the last failed attempt. */
  failedSecrets: z.record(z.string(), z.string()).optional(),
  /** The size that the driver made it, in bytes. */
  sizeBytes: z.number().int().optional(),
  /** The merged parameters at the last successful provisioning, with secret references unresolved. */
  driverParameters: z.record(z.string(), z.string()).optional(),
  /** The driver that provisioned it. Kept here so that a deleted class blocks nothing. */
  driver: z.string().optional(),
  /**
   * The driver that was asked to provision it, until its handle is known. It may have created data whose
   * handle never arrived, so a deletion asks it.
   */
  provisioningDriver: z.string().optional(),
  /**
   * When an instance was first allowed to write to it, after its init steps. Until then it is fresh (`runIf:
   * freshVolume`).
   */
  initializedAt: z.string().optional(),
  /** Whether provisioning found data in place and kept it. */
  adopted: z.boolean().optional(),
  /** Set on a block device that was created empty, until its first mount. Only then may it be formatted. */
  blank: z.literal(true).optional(),
  /**
   * Set on a volume that had no handle in the backup that was restored, until it has one. It may have been
   * provisioned and written since that backup, so it is never blank, and a deletion looks for its data.
   */
  mayHoldData: z.literal(true).optional(),
  /**
   * The filesystem that it was made on, the only one it is mounted from. Absent if its driver checks that
   * itself, or if an older version of Rune made it.
   */
  filesystem: filesystemSchema.optional(),
  /** Present while a snapshot policy applies to it. */
  snapshots: snapshotPolicyStatusSchema.optional(),
  conditions: z.array(conditionSchema),
});

export type VolumeSpec = z.infer<typeof volumeSpecSchema>;
export type VolumeStatus = z.infer<typeof volumeStatusSchema>;
export type Volume = Resource<"volume", VolumeSpec, VolumeStatus>;

export const volumeResource = resourceSchema("volume", {
  spec: volumeSpecSchema,
  status: volumeStatusSchema,
});
