/**
 * Identity: who may call the API, and what they may do with it. A policy is a list of rules; users and
 * service accounts hold policies; tokens authenticate users. None of these can be cast: only `/v1/admin`
 * changes them.
 * @module
 */
import { z } from "zod";
import { durationSchema } from "./duration.ts";
import { listUpTo, textUpTo } from "./bounded.ts";
import { LIMITS } from "./limits.ts";
import { nameSchema } from "./name.ts";
import type { Resource } from "./envelope.ts";

/** Actions on a resource. The last three are required in addition where they apply. */
export const VERBS = [
  "get",
  "list",
  "watch",
  "create",
  "update",
  "delete",
  "scale",
  "exec",
  "port-forward",
  "services.privileged",
  "storageclasses.set-default",
  "volumes.cascade",
] as const;
export type Verb = typeof VERBS[number];

/** Resources in rules: kinds by their plural, and the parts of the daemon itself. */
export const RULE_RESOURCES = [
  "services",
  "instances",
  "volumes",
  "snapshots",
  "secrets",
  "configmaps",
  "events",
  "namespaces",
  "storageclasses",
  "users",
  "tokens",
  "policies",
  "audit",
  "registries",
  "backup",
  "engine",
  "kek",
] as const;
export type RuleResource = typeof RULE_RESOURCES[number];

/** One permission: these verbs on this resource in this namespace. Resources outside namespaces need `*`. */
export const ruleSchema = z.strictObject({
  resource: z.enum([...RULE_RESOURCES, "*"]),
  verbs: listUpTo(z.enum([...VERBS, "*"]), VERBS.length + 1).min(1),
  namespace: z.union([nameSchema, z.literal("*")]).default("*"),
});
export type Rule = z.output<typeof ruleSchema>;

const description = textUpTo(LIMITS.label).optional();

/** `POST /v1/admin/policies`. */
export const policyBody = z.strictObject({
  name: nameSchema,
  description,
  rules: listUpTo(ruleSchema, 64).min(1),
});
/**
 * `POST /v1/admin/users` and `/v1/admin/services`. `namespace` confines a service account to one namespace.
 * An account without policies may do nothing.
 */
export const userBody = z.strictObject({
  name: nameSchema,
  description,
  policies: listUpTo(nameSchema, 32).default([]),
});
export const serviceAccountBody = userBody.extend({ namespace: nameSchema });
/** `PUT …/policies` of a user. */
export const grantBody = z.strictObject({ policies: listUpTo(nameSchema, 32).min(1) });
/** `POST /v1/admin/tokens`. */
export const tokenBody = z.strictObject({
  user: nameSchema,
  description,
  /** When the token expires; never if absent. */
  expiresIn: durationSchema.optional(),
});

/** A policy as stored. */
export interface PolicySpec {
  description?: string;
  rules: Rule[];
}
/** A user or service account as stored. */
export interface UserSpec {
  type: "user" | "service";
  description?: string;
  policies: string[];
  /** Service accounts only: their policies apply in this namespace alone. */
  namespace?: string;
}
/** A token as stored: enough to recognise it, but not to use it. */
export interface TokenSpec {
  user: string;
  /** The user's uid. A user who is deleted and created again does not get the old tokens. */
  userUid: string;
  description?: string;
  /** SHA-256 of the secret part, in base64. */
  hash: string;
  /** RFC 3339. */
  expiresAt?: string;
}

type Nothing = Record<string, never>;
export type Policy = Resource<"policy", PolicySpec, Nothing>;
export type User = Resource<"user", UserSpec, Nothing>;
export type Token = Resource<"token", TokenSpec, Nothing>;

/** A policy as the API shows it. */
export const policyView = z.object({
  name: z.string(),
  builtin: z.boolean(),
  description: z.string().optional(),
  rules: z.array(ruleSchema),
});
export type PolicyView = z.infer<typeof policyView>;

/** A user or a service account as the API shows it. */
export const userView = z.object({
  name: z.string(),
  type: z.enum(["user", "service"]),
  namespace: z.string().optional(),
  description: z.string().optional(),
  policies: z.array(z.string()),
  createdAt: z.string(),
});
export type UserView = z.infer<typeof userView>;

/** A token as the API shows it, without its secret. */
export const tokenView = z.object({
  id: z.string(),
  user: z.string(),
  description: z.string().optional(),
  createdAt: z.string(),
  expiresAt: z.string().optional(),
  expired: z.boolean(),
});
export type TokenView = z.infer<typeof tokenView>;

/** The only answer that contains a token. */
export const newTokenView = tokenView.extend({ token: z.string() });
export type NewTokenView = z.infer<typeof newTokenView>;

/** `GET /v1/auth/whoami`. */
export const whoamiView = z.object({
  user: z.string(),
  type: z.enum(["user", "service", "anonymous"]),
  namespace: z.string().optional(),
  policies: z.array(z.string()),
  rules: z.array(ruleSchema),
  token: z.object({ id: z.string(), expiresAt: z.string().optional() }).optional(),
  /** The caller's address, as the daemon sees it. */
  address: z.string(),
  /** What the caller should know about this connection, one sentence each. */
  warnings: z.array(z.string()),
});
export type Whoami = z.infer<typeof whoamiView>;

/** One line of the audit log. */
export const auditRecord = z.object({
  at: z.string(),
  requestId: z.string(),
  user: z.string(),
  token: z.string().optional(),
  address: z.string(),
  method: z.string(),
  path: z.string(),
  /**
   * The objects of the call, if the path does not name them: the resources of a cast, the command of an exec.
   */
  what: z.string().optional(),
  /** `begun`: nothing was heard of it since, because it runs or because the daemon died. */
  outcome: z.enum(["begun", "ok", "denied", "failed"]),
  status: z.number().int().optional(),
  code: z.string().optional(),
});
export type AuditRecord = z.infer<typeof auditRecord>;
