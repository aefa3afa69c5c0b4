/**
 * What the schema knows and this version does not do yet. Such fields are refused, never accepted and ignored; a field leaves
 * this list in the change that makes it work.
 * @module
 */
import type { Declared } from "./declared.ts";
import type { FieldIssue } from "./error.ts";

const SERVICE_FIELDS = [
  "envFrom",
  "health",
  "dependencies",
  "secretMounts",
  "configMounts",
  "initSteps",
] as const;

const isSet = (value: unknown) => Array.isArray(value) ? value.length > 0 : value !== undefined;

/** Fields and kinds of one declaration that this version cannot honour. */
export function checkSupported(declared: Declared): FieldIssue[] {
  const refuse = (path: (string | number)[], what: string): FieldIssue => ({
    path,
    message: `${what} is not supported in this version`,
    hint: "remove it; Rune refuses what it would otherwise ignore",
  });
  if (declared.kind === "snapshot") return [refuse([], "snapshot")];
  if (declared.kind === "storageClass" || declared.kind === "volume") {
    return Object.entries(declared.spec.parameters)
      .filter(([key]) => key === "apiTokenSecretRef")
      .map(([key]) => refuse(["parameters", key], "apiTokenSecretRef (write apiToken: secret:<name>/<key>)"));
  }
  if (declared.kind !== "service") return [];
  const { spec } = declared;
  const issues = SERVICE_FIELDS.filter((field) => isSet(spec[field])).map((f) => refuse([f], f));
  if (spec.expose?.host !== undefined) issues.push(refuse(["expose", "host"], "routing by host name"));
  if (spec.update.rollback) issues.push(refuse(["update", "rollback"], "automatic rollback"));
  return issues;
}
