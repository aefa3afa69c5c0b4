/** The fields that a cast changes, as its author may see them. @module */
import { type FieldChange, fieldChanges } from "../../model/changes.ts";
import type { AnyResource } from "../../model/resource.ts";
import { maskSecrets } from "../auth/secret_parameters.ts";

/** The changed fields. Changes of secrets never show values. */
export function listChanges(
  before: AnyResource,
  after: { spec: AnyResource["spec"]; labels: Record<string, string> },
  secret?: FieldChange[],
): FieldChange[] {
  if (!secret || before.kind !== "secret") {
    const spec = maskSecrets(after.spec, { before: before.spec });
    return fieldChanges(
      toDeclared(maskSecrets(before.spec), before.labels),
      toDeclared(spec, after.labels),
    );
  }
  const { type } = after.spec as typeof before.spec;
  return [
    ...fieldChanges({ type: before.spec.type, labels: before.labels }, { type, labels: after.labels }),
    ...secret,
  ];
}

/** The declared part of a spec: without the identity, which follows from `user` and `group`. */
function toDeclared(spec: AnyResource["spec"], labels: Record<string, string>): Record<string, unknown> {
  return { ...spec, identity: undefined, labels };
}
