/**
 * Declarations: the body of each castable kind, checked and split into identity and spec.
 * @module
 */
import type { z } from "zod";
import { configMapBody } from "./config_map.ts";
import type { FieldIssue } from "./error.ts";
import { fieldIssues } from "./field_issues.ts";
import { namespaceBody } from "./namespace.ts";
import { shapeIssues } from "./body_shape.ts";
import { type Kind, KINDS } from "./resource.ts";
import { secretBody } from "./secret.ts";
import { serviceBody } from "./service.ts";
import { snapshotBody } from "./snapshot.ts";
import { storageClassBody } from "./storage_class.ts";
import { textsAsWritten } from "./text_fields.ts";
import { volumeBody } from "./volume.ts";

/** The schema of every castable kind, in the order in which a cast applies them. */
export const BODIES = {
  namespace: namespaceBody,
  storageClass: storageClassBody,
  secret: secretBody,
  configmap: configMapBody,
  volume: volumeBody,
  snapshot: snapshotBody,
  service: serviceBody,
};

/** A kind that a castfile may contain. */
export type CastKind = keyof typeof BODIES;

/** The spec part of a body: everything except the identity. */
export type DeclaredSpec<K extends CastKind> = Omit<
  z.output<typeof BODIES[K]>,
  "name" | "namespace" | "labels"
>;

/** A checked declaration of one resource. */
export type Declared<K extends CastKind = CastKind> = {
  [P in K]: {
    kind: P;
    /** Empty for cluster-scoped kinds. */
    namespace: string;
    name: string;
    labels: Record<string, string>;
    spec: DeclaredSpec<P>;
  };
}[K];

/** Whether a castfile may contain a kind. */
export function isCastKind(kind: Kind | string): kind is CastKind {
  return Object.hasOwn(BODIES, kind);
}

/**
 * Checks a body against the schema of its kind.
 *
 * @param options.namespace for a namespaced body that does not name one.
 * @param options.texts the body with the source text of its numbers and booleans, if it comes from a file.
 * @returns the declaration, and the body with every text as it stands in the file.
 */
export function parseDeclared(
  kind: CastKind,
  body: unknown,
  options: { namespace: string; texts?: unknown },
): { declared: Declared; body: Record<string, unknown> } | { issues: FieldIssue[] } {
  const schema: z.ZodType = BODIES[kind];
  const misshapen = shapeIssues(body, schema);
  if (misshapen.length > 0) return { issues: misshapen };
  const written = textsAsWritten(body, schema, options);
  const result = schema.safeParse(written);
  if (!result.success) return { issues: fieldIssues(result.error, { schema, body: written }) };
  const { name, namespace, labels, ...spec } = result.data as {
    name: string;
    namespace?: string;
    labels: Record<string, string>;
  };
  return {
    declared: {
      kind,
      namespace: KINDS[kind].namespaced ? namespace ?? options.namespace : "",
      name,
      labels,
      spec,
    } as unknown as Declared,
    body: written as Record<string, unknown>,
  };
}
