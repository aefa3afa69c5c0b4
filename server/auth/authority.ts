/**
 * Policies, the rules they consist of, and the one function that decides whether rules permit something.
 * Pure: it knows neither requests nor the store.
 * @module
 */
import { RuneError } from "../../model/error.ts";
import type { Rule, RuleResource, UserSpec, Verb } from "../../model/identity.ts";

/**
 * A verb on a resource. `namespace` is empty for cluster-wide resources; for a namespace itself it is its
 * name.
 */
export interface Permission {
  resource: RuleResource;
  verb: Verb;
  namespace: string;
}

/** Returns if the permission is granted. @throws {RuneError} `permission_denied` otherwise. */
export type Permit = (permission: Permission) => void;

const READ: Verb[] = ["get", "list", "watch"];
const WORKLOADS: RuleResource[] = [
  "services",
  "instances",
  "volumes",
  "snapshots",
  "secrets",
  "configmaps",
  "namespaces",
];
const rules = (resources: RuleResource[], verbs: Rule["verbs"]): Rule[] =>
  resources.map((resource) => ({ resource, verbs, namespace: "*" }));

/** The built-in policies, which never change. */
export const BUILTIN_POLICIES: Record<string, { description: string; rules: Rule[] }> = {
  root: {
    description: "everything, including the key encryption key",
    rules: [{ resource: "*", verbs: ["*"], namespace: "*" }],
  },
  admin: {
    description: "everything except the key encryption key; cannot create another root",
    rules: rules(
      [
        ...WORKLOADS,
        "events",
        "storageclasses",
        "users",
        "tokens",
        "policies",
        "audit",
        "registries",
        "backup",
        "engine",
      ],
      ["*"],
    ),
  },
  readwrite: {
    description: "services and their data, but no privileged containers, cascades or default class",
    rules: [
      ...rules(WORKLOADS, [...READ, "create", "update", "delete", "scale", "exec", "port-forward"]),
      ...rules(["events", "storageclasses"], READ),
    ],
  },
  readonly: {
    description: "read everything except the values of secrets, which Rune shows to nobody",
    rules: rules([...WORKLOADS, "events", "storageclasses"], READ),
  },
  cast: {
    description: "apply castfiles and wait for them; no deletion, no exec",
    rules: [
      ...rules(["services", "volumes", "snapshots", "secrets", "configmaps", "namespaces"], [
        ...READ,
        "create",
        "update",
        "scale",
      ]),
      ...rules(["instances", "events", "storageclasses"], READ),
    ],
  },
};

function matches(rule: Rule, { resource, verb, namespace }: Permission): boolean {
  return (rule.resource === "*" || rule.resource === resource) &&
    (rule.verbs.includes("*") || rule.verbs.includes(verb)) &&
    (rule.namespace === "*" || (namespace !== "" && rule.namespace === namespace));
}

/** Whether rules grant a permission. */
export function allows(rules: readonly Rule[], permission: Permission): boolean {
  return rules.some((rule) => matches(rule, permission));
}

/** Whether rules grant it in at least one namespace. Lists over all namespaces require this. */
export function allowsSomewhere(rules: readonly Rule[], permission: Omit<Permission, "namespace">): boolean {
  return rules.some((rule) => matches({ ...rule, namespace: "*" }, { ...permission, namespace: "" }));
}

/** Whether the holder of the rules `own` may grant `wanted`: nobody grants more than they have. */
export function covers(own: readonly Rule[], wanted: readonly Rule[]): boolean {
  return wanted.every((rule) =>
    rule.verbs.every((verb) =>
      own.some((o) =>
        (o.resource === "*" || o.resource === rule.resource) &&
        (o.verbs.includes("*") || o.verbs.includes(verb)) &&
        (o.namespace === "*" || o.namespace === rule.namespace)
      )
    )
  );
}

/**
 * The rules of a user's policies. A service account keeps only the rules for its own namespace: rules for
 * other namespaces and for cluster-wide resources are dropped.
 */
export function effectiveRules(
  user: Pick<UserSpec, "policies" | "namespace">,
  rulesOf: (policy: string) => readonly Rule[],
): Rule[] {
  const all = user.policies.flatMap(rulesOf);
  const { namespace } = user;
  if (namespace === undefined) return all;
  return all.filter((rule) => rule.namespace === "*" || rule.namespace === namespace)
    .map((rule) => ({ ...rule, namespace }));
}

/** The error that refuses a permission. */
export function makeDenial(user: string, { resource, verb, namespace }: Permission): RuneError {
  const where = namespace === "" ? "" : ` in namespace ${namespace}`;
  const lack = verb.includes(".") ? `lacks the verb ${verb}` : `may not ${verb} ${resource}`;
  return new RuneError("permission_denied", `${user} ${lack}${where}`, {
    hint:
      "rune whoami shows what you may do; an administrator can grant more with rune admin policy and rune admin user",
  });
}
