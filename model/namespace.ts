/**
 * Namespace: a scope for names and a network. It comes into being with the first resource cast into it.
 * @module
 */
import { z } from "zod";
import { nameSchema } from "./name.ts";
import { type Resource, resourceSchema } from "./envelope.ts";
import { labelsSchema } from "./labels.ts";

/** A namespace as a castfile writes it. */
export const namespaceBody = z.strictObject({ name: nameSchema, labels: labelsSchema });

export const namespaceSpecSchema = z.strictObject({});
export const namespaceStatusSchema = z.object({});

export type NamespaceSpec = z.infer<typeof namespaceSpecSchema>;
export type Namespace = Resource<"namespace", NamespaceSpec, Record<string, never>>;

export const namespaceResource = resourceSchema("namespace", {
  spec: namespaceSpecSchema,
  status: namespaceStatusSchema,
});
