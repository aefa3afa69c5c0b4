/**
 * What the schema knows and this version does not do yet. Such fields are refused, never accepted and ignored; a field leaves
 * this list in the change that makes it work.
 * @module
 */
import type { Declared } from "./declared.ts";
import type { FieldIssue } from "./error.ts";

const SERVICE_FIELDS = ["secretMounts"] as const;

const isSet = (value: unknown) => Array.isArray(value) ? value.length > 0 : value !== undefined;

/** Fields and kinds of one declaration that this version cannot honour. */
export function checkSupported(declared: Declared): FieldIssue[] {
  const refuse = (path: (string | number)[], what: string): FieldIssue => ({
    path,
    message: `${what} is not supported in this version`,
    hint: "remove it; Rune refuses what it would otherwise ignore",
  });
  if (declared.kind === "secret") return [refuse([], "secret")];
  if (declared.kind === "storageClass" || declared.kind === "volume") {
    return Object.entries(declared.spec.parameters)
      .filter(([key, value]) => value.startsWith("secret:") || key === "apiTokenSecretRef")
      .map(([key]) => refuse(["parameters", key], "a reference to a secret"));
  }
  if (declared.kind !== "service") return [];
  const { spec } = declared;
  const issues = SERVICE_FIELDS.filter((field) => isSet(spec[field])).map((f) => refuse([f], f));
  spec.envFrom.forEach((source, i) => {
    if ("secretName" in source) issues.push(refuse(["envFrom", i, "secretName"], "a reference to a secret"));
  });
  return issues;
}
