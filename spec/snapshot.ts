/** Snapshot: a point-in-time copy of one volume (seed 001). @module */
import { z } from "zod";
import { labelsSchema } from "./labels.ts";
import { nameSchema } from "./name.ts";
import { type Resource, resourceSchema } from "./resource.ts";

const specFields = { source: z.strictObject({ volume: nameSchema }) };

/** A snapshot as a castfile writes it. */
export const snapshotBody = z.strictObject({
  name: nameSchema,
  namespace: nameSchema.optional(),
  labels: labelsSchema,
  ...specFields,
});

export const snapshotSpecSchema = z.strictObject(specFields);
export const snapshotStatusSchema = z.object({
  state: z.enum(["Pending", "Creating", "Ready", "Deleting", "Failed"]),
  handle: z.string().optional(),
  sizeBytes: z.number().int().optional(),
  failureMessage: z.string().optional(),
});

export type SnapshotSpec = z.infer<typeof snapshotSpecSchema>;
export type SnapshotStatus = z.infer<typeof snapshotStatusSchema>;
export type Snapshot = Resource<"snapshot", SnapshotSpec, SnapshotStatus>;

export const snapshotResource = resourceSchema("snapshot", {
  spec: snapshotSpecSchema,
  status: snapshotStatusSchema,
});
