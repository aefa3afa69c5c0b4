/**
 * What a caller may do: policies, the rules that they come to, and the one function that decides (SPEC 7). Pure: it knows
 * neither requests nor the store.
 * @module
 */
import { RuneError } from "../../model/error.ts";
import type { Rule, RuleResource, UserSpec, Verb } from "../../model/identity.ts";

/** One question. `namespace` is empty for what is no part of one; of a namespace it is its own name. */
export interface Ask {
  resource: RuleResource;
  verb: Verb;
  namespace: string;
}

/** Answers one question by returning. @throws {RuneError} `permission_denied`. */
export type Permit = (ask: Ask) => void;

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

/** The policies that are always there and never change, and what each is for. */
export const BUILTIN_POLICIES: Record<string, { description: string; rules: Rule[] }> = {
  root: {
    description: "everything, the key encryption key included",
    rules: [{ resource: "*", verbs: ["*"], namespace: "*" }],
  },
  admin: {
    description: "everything but the key encryption key; cannot make another root",
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
    description: "services and their data, without privileged containers, cascades and the default class",
    rules: [
      ...rules(WORKLOADS, [...READ, "create", "update", "delete", "scale", "exec", "port-forward"]),
      ...rules(["events", "storageclasses"], READ),
    ],
  },
  readonly: {
    description: "look at everything but values of secrets, which nobody is shown",
    rules: rules([...WORKLOADS, "events", "storageclasses"], READ),
  },
  cast: {
    description: "apply castfiles and wait for them: no deletion, no exec",
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

function matches(rule: Rule, { resource, verb, namespace }: Ask): boolean {
  return (rule.resource === "*" || rule.resource === resource) &&
    (rule.verbs.includes("*") || rule.verbs.includes(verb)) &&
    (rule.namespace === "*" || (namespace !== "" && rule.namespace === namespace));
}

/** Whether rules permit what is asked. */
export function allows(rules: readonly Rule[], ask: Ask): boolean {
  return rules.some((rule) => matches(rule, ask));
}

/** Whether rules permit it in some namespace at least: what decides whether a list over all may be asked for. */
export function allowsSomewhere(rules: readonly Rule[], ask: Omit<Ask, "namespace">): boolean {
  return rules.some((rule) => matches({ ...rule, namespace: "*" }, { ...ask, namespace: "" }));
}

/** Whether whoever holds `own` may hand on `wanted`: nobody grants more than they have. */
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
 * The rules that a user's policies come to. Those of a service account are pinned to its namespace: whatever a policy says
 * of other namespaces, or of what is in none, falls away.
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

/** The refusal of what was asked. */
export function denial(user: string, { resource, verb, namespace }: Ask): RuneError {
  const where = namespace === "" ? "" : ` in namespace ${namespace}`;
  const lack = verb.includes(".") ? `lacks the verb ${verb}` : `may not ${verb} ${resource}`;
  return new RuneError("permission_denied", `${user} ${lack}${where}`, {
    hint:
      "see rune whoami for what you may do; an administrator grants more with rune admin policy and rune admin user",
  });
}
