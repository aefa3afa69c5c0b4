/** Who calls: what a request's token proved, and what follows from it. @module */
import type { Rule, Whoami } from "../../model/identity.ts";
import { allows, allowsSomewhere, type Ask, BUILTIN_POLICIES, denial, type Permit } from "./authority.ts";

/** See the module comment. */
export interface Principal {
  name: string;
  type: Whoami["type"];
  /** Of a service account. */
  namespace?: string;
  policies: string[];
  rules: readonly Rule[];
  token?: { id: string; expiresAt?: string };
  /** Aborted, with the reason, when what this caller may do ends or changes. */
  ended: AbortSignal;
  /** Whether what is asked is permitted. */
  may(ask: Ask): boolean;
  /** Whether it is in some namespace. */
  maySomewhere(ask: Omit<Ask, "namespace">): boolean;
  /** @throws {RuneError} `permission_denied`. */
  permit: Permit;
}

/** Makes a principal from who they are and the rules that they hold. */
export function principalOf(
  who: Omit<Principal, "may" | "maySomewhere" | "permit">,
): Principal {
  const { name, rules } = who;
  return {
    ...who,
    may: (ask) => allows(rules, ask),
    maySomewhere: (ask) => allowsSomewhere(rules, ask),
    permit(ask) {
      if (!allows(rules, ask)) throw denial(name, ask);
    },
  };
}

const NEVER = new AbortController().signal;

/** Whoever calls a daemon without authentication: everybody is root. */
export const ANYBODY: Principal = principalOf({
  name: "anonymous",
  type: "anonymous",
  policies: ["root"],
  rules: BUILTIN_POLICIES.root!.rules,
  ended: NEVER,
});

/** Whoever calls a route that asks nothing, on a daemon that else does. */
export const NOBODY: Principal = principalOf({
  name: "anonymous",
  type: "anonymous",
  policies: [],
  rules: [],
  ended: NEVER,
});
