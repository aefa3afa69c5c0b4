/**
 * The envelope that every stored resource shares.
 * @module
 */
import { z } from "zod";

/** A resource as the store keeps it and the API returns it. Always frozen. */
export interface Resource<K extends string, Spec, Status> {
  kind: K;
  /** Empty for cluster-scoped kinds. */
  namespace: string;
  name: string;
  /** A UUID. A resource that is deleted and created again gets a new one. */
  uid: string;
  /** Counts accepted changes of `spec`, from 1. */
  generation: number;
  /** The revision of the last write to any part; the API's ETag. */
  resourceVersion: number;
  labels: Record<string, string>;
  /** Rune sets these, not castfiles: `rune.io/restarted-at`. */
  annotations: Record<string, string>;
  /** RFC 3339, UTC, milliseconds. */
  createdAt: string;
  updatedAt: string;
  /** When deletion was requested. The resource is removed once `finalizers` is empty. */
  deletionRequestedAt?: string;
  finalizers: string[];
  spec: Spec;
  status: Status;
}

/** A condition: one observed fact about a resource. `since` changes only when `value` does. */
export const conditionSchema = z.object({
  type: z.string(),
  value: z.boolean(),
  reason: z.string().optional(),
  message: z.string().optional(),
  since: z.string(),
});
/** See {@linkcode conditionSchema}. */
export type Condition = z.infer<typeof conditionSchema>;

/** The schema of a stored resource, as the API documents it. */
export function resourceSchema<K extends string, S extends z.ZodType, T extends z.ZodType>(
  kind: K,
  parts: { spec: S; status: T },
) {
  return z.object({
    kind: z.literal(kind),
    namespace: z.string(),
    name: z.string(),
    uid: z.string(),
    generation: z.number().int(),
    resourceVersion: z.number().int(),
    labels: z.record(z.string(), z.string()),
    annotations: z.record(z.string(), z.string()),
    createdAt: z.string(),
    updatedAt: z.string(),
    deletionRequestedAt: z.string().optional(),
    finalizers: z.array(z.string()),
    spec: parts.spec,
    status: parts.status,
  });
}
