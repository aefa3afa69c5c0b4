/** Secret: sensitive key-value data. Values never leave the store in plain. @module */
import { z } from "zod";
import { dataSchema } from "./config_map.ts";
import { labelsSchema } from "./labels.ts";
import { nameSchema } from "./name.ts";
import { type Resource, resourceSchema } from "./resource.ts";

/** A secret as a castfile writes it. */
export const secretBody = z.strictObject({
  name: nameSchema,
  namespace: nameSchema.optional(),
  labels: labelsSchema,
  type: z.string().max(64).optional(),
  data: dataSchema,
});

/** What is kept in plain: the keys, never a value. */
export const secretSpecSchema = z.strictObject({ type: z.string().optional(), keys: z.array(z.string()) });
export const secretStatusSchema = z.object({});

export type SecretSpec = z.infer<typeof secretSpecSchema>;
export type Secret = Resource<"secret", SecretSpec, Record<string, never>>;

export const secretResource = resourceSchema("secret", {
  spec: secretSpecSchema,
  status: secretStatusSchema,
});
