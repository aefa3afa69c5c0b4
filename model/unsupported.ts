/**
 * What the schema knows and this version does not do yet. Such fields are refused, never accepted and ignored; a field leaves
 * this list in the change that makes it work.
 * @module
 */
import type { Declared } from "./declared.ts";
import type { FieldIssue } from "./error.ts";

/** Fields of one declaration that this version cannot honour. */
export function checkSupported(declared: Declared): FieldIssue[] {
  if (declared.kind !== "storageClass" && declared.kind !== "volume") return [];
  if (!Object.hasOwn(declared.spec.parameters, "apiTokenSecretRef")) return [];
  return [{
    path: ["parameters", "apiTokenSecretRef"],
    message: "apiTokenSecretRef is not supported in this version",
    hint: "write apiToken: secret:<name>.<namespace>.rune/<key>",
  }];
}
