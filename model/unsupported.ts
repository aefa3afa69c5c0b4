/**
 * Fields that the schema knows and this version does not support yet. Rune refuses them instead of ignoring
 * them. A change that makes a field work removes it from this list.
 * @module
 */
import type { Declared } from "./declared.ts";
import type { FieldIssue } from "./error.ts";

/** Reports fields of a declaration that this version does not support. */
export function checkSupported(declared: Declared): FieldIssue[] {
  if (declared.kind !== "storageClass" && declared.kind !== "volume") return [];
  if (!Object.hasOwn(declared.spec.parameters, "apiTokenSecretRef")) return [];
  return [{
    path: ["parameters", "apiTokenSecretRef"],
    message: "apiTokenSecretRef is not supported in this version",
    hint: "write apiToken: secret:<name>.<namespace>.rune/<key>",
  }];
}
