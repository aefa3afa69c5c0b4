/** Describes tokens, users and policies. @module */
import { formatAge, formatTimeLeft } from "../../model/format.ts";
import type { NewTokenView, PolicyView, Rule, TokenView, UserView, Whoami } from "../../model/identity.ts";
import type { Column } from "../terminal/output.ts";

const textOrDash = (text: string | undefined) => text === undefined || text === "" ? "-" : text;
const age = (time: string, { now }: { now: number }) => formatAge(now - Date.parse(time));

/** When something expires, in words. */
function expiry(expiresAt: string | undefined, now: number): string {
  if (expiresAt === undefined) return "never";
  const left = Date.parse(expiresAt) - now;
  return left <= 0 ? "expired" : `in ${formatTimeLeft(left)}`;
}

export const USER_COLUMNS: Column<UserView, { now: number }>[] = [
  { header: "NAME", cell: (u) => u.name },
  { header: "NAMESPACE", cell: (u) => textOrDash(u.namespace) },
  { header: "POLICIES", cell: (u) => textOrDash(u.policies.join(",")) },
  { header: "AGE", cell: (u, context) => age(u.createdAt, context) },
  { header: "DESCRIPTION", cell: (u) => textOrDash(u.description) },
];

export const TOKEN_COLUMNS: Column<TokenView, { now: number }>[] = [
  { header: "ID", cell: (t) => t.id },
  { header: "USER", cell: (t) => t.user },
  { header: "EXPIRES", cell: (t, { now }) => expiry(t.expiresAt, now) },
  { header: "AGE", cell: (t, context) => age(t.createdAt, context) },
  { header: "DESCRIPTION", cell: (t) => textOrDash(t.description) },
];

export const POLICY_COLUMNS: Column<PolicyView, { now: number }>[] = [
  { header: "NAME", cell: (p) => p.name },
  { header: "BUILT-IN", cell: (p) => p.builtin ? "yes" : "no" },
  { header: "RULES", cell: (p) => String(p.rules.length) },
  { header: "DESCRIPTION", cell: (p) => textOrDash(p.description) },
];

/** `services in prod: get, list`. */
export function ruleText({ resource, verbs, namespace }: Rule): string {
  const what = resource === "*" ? "everything" : resource;
  return `${what}${namespace === "*" ? "" : ` in ${namespace}`}: ${
    verbs.includes("*") ? "all verbs" : verbs.join(", ")
  }`;
}

/** The one message about a new token. */
export function newTokenText({ user, id, expiresAt }: NewTokenView, now: number): string {
  const until = expiresAt === undefined ? "it does not expire" : `it expires ${expiry(expiresAt, now)}`;
  return `token ${id} for ${user}; ${until}; it is not shown again\n`;
}

/** Who the caller is, as KEY: value lines. */
export function whoamiText(me: Whoami, options: { server: string; context?: string; now: number }): string {
  const { server, context, now } = options;
  const rows: [string, string | undefined][] = [
    ["USER", me.type === "anonymous" ? "anonymous (this daemon does not require tokens)" : me.user],
    ["TYPE", me.type === "service" ? "service account" : me.type === "user" ? "user" : undefined],
    ["NAMESPACE", me.namespace],
    ["POLICIES", textOrDash(me.policies.join(", "))],
    ["MAY", me.rules.map(ruleText).join("\n           ")],
    ["TOKEN", me.token && `${me.token.id}, expires ${expiry(me.token.expiresAt, now)}`],
    ["SERVER", server],
    ["CONTEXT", context],
    ["ADDRESS", me.address],
  ];
  return rows.filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${`${key}:`.padEnd(11)}${value}\n`).join("");
}
