/** StorageClass: a driver and its default parameters. Cluster-scoped. @module */
import { z } from "zod";
import { labelsSchema } from "./labels.ts";
import { listUpTo, mapUpTo, textUpTo } from "./bounded.ts";
import { LIMITS } from "./limits.ts";
import { nameSchema } from "./name.ts";
import { refers } from "./reference.ts";
import { type Resource, resourceSchema } from "./envelope.ts";
import { SECRET_AS_TEXT } from "./secret.ts";
import { snapshotPolicySchema } from "./snapshot_policy.ts";

/** What happens to a volume's data when the volume is deleted. */
export const reclaimPolicySchema = z.enum(["retain", "delete"]);

/** Driver parameters; a value may be `secret:<name>[.<namespace>.rune]/<key>`. */
export const parametersSchema = mapUpTo(
  textUpTo(LIMITS.name).min(1),
  refers(textUpTo(LIMITS.parameter), SECRET_AS_TEXT),
  LIMITS.parameters,
);

const labelText = textUpTo(LIMITS.label);

/** One alternative of placement: the node must match every label and every expression. */
export const topologySelectorSchema = z.strictObject({
  matchLabels: mapUpTo(textUpTo(LIMITS.name), labelText, LIMITS.labels).optional(),
  matchExpressions: listUpTo(
    z.strictObject({
      key: textUpTo(LIMITS.name).min(1),
      operator: z.enum(["In", "NotIn", "Exists", "DoesNotExist"]),
      values: listUpTo(labelText, LIMITS.label).default([]),
    }).refine((e) => (e.operator === "In" || e.operator === "NotIn") === (e.values.length > 0), {
      path: ["values"],
      error: "expected values with In and NotIn, and none with Exists and DoesNotExist",
    }),
    LIMITS.topologies,
  ).optional(),
});

const specFields = {
  driver: textUpTo(LIMITS.word).min(1),
  parameters: parametersSchema.default({}),
  reclaimPolicy: reclaimPolicySchema.default("retain"),
  default: z.boolean().default(false),
  allowedTopologies: listUpTo(topologySelectorSchema, LIMITS.topologies).default([]),
  /** For volumes without a policy of their own. May change at any time. */
  snapshotPolicy: snapshotPolicySchema.optional(),
};

/** A storage class as a castfile writes it. */
export const storageClassBody = z.strictObject({ name: nameSchema, labels: labelsSchema, ...specFields });

export const storageClassSpecSchema = z.strictObject(specFields);
export const storageClassStatusSchema = z.object({});

export type StorageClassSpec = z.infer<typeof storageClassSpecSchema>;
export type StorageClass = Resource<"storageClass", StorageClassSpec, Record<string, never>>;

export const storageClassResource = resourceSchema("storageClass", {
  spec: storageClassSpecSchema,
  status: storageClassStatusSchema,
});
