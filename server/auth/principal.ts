/** The authenticated caller of a request and their permissions. @module */
import type { Rule, Whoami } from "../../model/identity.ts";
import {
  allows,
  allowsSomewhere,
  BUILTIN_POLICIES,
  makeDenial,
  type Permission,
  type Permit,
} from "./authority.ts";

/** An authenticated caller. */
export interface Principal {
  name: string;
  type: Whoami["type"];
  /** The namespace of a service account. */
  namespace?: string;
  policies: string[];
  rules: readonly Rule[];
  token?: { id: string; expiresAt?: string };
  /** Aborts, with the reason, when the caller's permissions end or change. */
  ended: AbortSignal;
  /** Whether the caller has a permission. */
  may(permission: Permission): boolean;
  /** Whether the caller has it in at least one namespace. */
  maySomewhere(permission: Omit<Permission, "namespace">): boolean;
  /** @throws {RuneError} `permission_denied`. */
  permit: Permit;
}

/** Creates a principal from an identity and its rules. */
export function principalOf(
  who: Omit<Principal, "may" | "maySomewhere" | "permit">,
): Principal {
  const { name, rules } = who;
  return {
    ...who,
    may: (permission) => allows(rules, permission),
    maySomewhere: (permission) => allowsSomewhere(rules, permission),
    permit(permission) {
      if (!allows(rules, permission)) throw makeDenial(name, permission);
    },
  };
}

const NEVER = new AbortController().signal;

/** The caller of a daemon without authentication, who may do everything. */
export const ANYBODY: Principal = principalOf({
  name: "anonymous",
  type: "anonymous",
  policies: ["root"],
  rules: BUILTIN_POLICIES.root!.rules,
  ended: NEVER,
});

/** The caller of a route that requires no token, on a daemon with authentication. */
export const NOBODY: Principal = principalOf({
  name: "anonymous",
  type: "anonymous",
  policies: [],
  rules: [],
  ended: NEVER,
});
