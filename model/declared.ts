/**
 * What a user declares: the body of each castable kind, checked and split into identity and spec.
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

/** The schema of every kind that may stand in a castfile, in the order of applying. */
export const BODIES = {
  namespace: namespaceBody,
  storageClass: storageClassBody,
  secret: secretBody,
  configmap: configMapBody,
  volume: volumeBody,
  snapshot: snapshotBody,
  service: serviceBody,
};

/** A kind that may stand in a castfile. */
export type CastKind = keyof typeof BODIES;

/** The spec part of a body: all but what identifies the resource. */
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

/** Whether a kind may stand in a castfile. */
export function isCastKind(kind: Kind | string): kind is CastKind {
  return Object.hasOwn(BODIES, kind);
}

/**
 * Checks one body against its kind's schema.
 *
 * @param options.namespace for a namespaced body that names none.
 * @param options.texts the body with the source of its numbers and booleans, where it comes from a file.
 * @returns beside the declaration the body with every text as it stands in the file.
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
