/**
 * Administration of users, service accounts, tokens and policies. Nobody can grant more rights than they
 * have, or change an account that has more.
 * @module
 */
import type { z } from "zod";
import { parseDuration } from "../../model/duration.ts";
import { RuneError } from "../../model/error.ts";
import type {
  NewTokenView,
  Policy,
  policyBody,
  PolicyView,
  Rule,
  Token,
  tokenBody,
  TokenView,
  User,
  UserSpec,
  UserView,
} from "../../model/identity.ts";
import type { Reader, Tx } from "../../store/store.ts";
import { BUILTIN_POLICIES, covers, effectiveRules } from "./authority.ts";
import { isLive, mintToken } from "./tokens.ts";

/** Returns a function from the name of a policy to its rules; a deleted policy has none. */
export function rulesOfPolicy(state: Reader): (name: string) => readonly Rule[] {
  return (name) =>
    Object.hasOwn(BUILTIN_POLICIES, name)
      ? BUILTIN_POLICIES[name]!.rules
      : state.get("policy", "", name)?.spec.rules ?? [];
}

/** The rules that apply to a user. */
export function rulesOfUser(state: Reader, user: Pick<UserSpec, "policies" | "namespace">): Rule[] {
  return effectiveRules(user, rulesOfPolicy(state));
}

/** A user as the API shows it. */
export const viewOfUser = ({ name, createdAt, spec }: User): UserView => ({ name, createdAt, ...spec });
export const viewOfToken = ({ name: id, createdAt, spec }: Token, now: number): TokenView => ({
  id,
  user: spec.user,
  ...(spec.description !== undefined && { description: spec.description }),
  createdAt,
  ...(spec.expiresAt !== undefined && { expiresAt: spec.expiresAt }),
  expired: spec.expiresAt !== undefined && Date.parse(spec.expiresAt) <= now,
});
export const viewOfPolicy = ({ name, spec }: Policy): PolicyView => ({ name, builtin: false, ...spec });

/** All policies, built-in ones first. */
export function listPolicies(state: Reader): PolicyView[] {
  return [
    ...Object.entries(BUILTIN_POLICIES).map(([name, policy]) => ({ name, builtin: true, ...policy })),
    ...state.list("policy").map(viewOfPolicy),
  ];
}

const notFound = (what: string, name: string, list: string) =>
  new RuneError("not_found", `there is no ${what} ${name}`, { hint: `see rune admin ${list} list` });

function requireCover(own: readonly Rule[], wanted: readonly Rule[], what: string): void {
  if (covers(own, wanted)) return;
  throw new RuneError("permission_denied", `${what} may do more than you may`, {
    hint:
      "ask somebody whose own policies cover it: nobody can grant, revoke or impersonate more rights than they have",
  });
}

function requireUser(tx: Reader, name: string): User {
  const user = tx.get("user", "", name);
  if (!user) throw notFound("user or service account", name, "user");
  return user;
}

function requirePolicies(tx: Reader, names: string[]): void {
  for (const name of names) {
    if (Object.hasOwn(BUILTIN_POLICIES, name) || tx.get("policy", "", name)) continue;
    throw new RuneError("invalid_argument", `there is no policy ${name}`, {
      hint: "see rune admin policy list",
    });
  }
}

/** Creates a user or a service account. @param own the rules of the caller. */
export function createUser(
  tx: Tx,
  own: readonly Rule[],
  { name, ...spec }: UserSpec & { name: string },
): UserView {
  requirePolicies(tx, spec.policies);
  requireCover(own, rulesOfUser(tx, spec), name);
  return viewOfUser(tx.create({ kind: "user", namespace: "", name, spec, status: {} }));
}

/** Replaces the policies of a user. */
export function grant(
  tx: Tx,
  own: readonly Rule[],
  { name, policies }: { name: string; policies: string[] },
): UserView {
  const user = requireUser(tx, name);
  requirePolicies(tx, policies);
  const spec = { ...user.spec, policies };
  requireCover(own, rulesOfUser(tx, user.spec), name);
  requireCover(own, rulesOfUser(tx, spec), `${name} with ${policies.join(", ")}`);
  return viewOfUser(tx.update<"user">(user, { spec }));
}

/** Removes a user and its tokens. */
export function deleteUser(tx: Tx, own: readonly Rule[], name: string): UserView {
  const user = requireUser(tx, name);
  requireCover(own, rulesOfUser(tx, user.spec), name);
  for (const token of tx.list("token")) if (token.spec.userUid === user.uid) tx.remove(token);
  tx.remove(user);
  return viewOfUser(user);
}

/** Creates a token. Only the answer of this call contains it. */
export function createToken(tx: Tx, own: readonly Rule[], body: z.output<typeof tokenBody>): NewTokenView {
  const user = requireUser(tx, body.user);
  requireCover(own, rulesOfUser(tx, user.spec), body.user);
  const minted = mintToken();
  const now = Date.parse(tx.now);
  const token = tx.create({
    kind: "token",
    namespace: "",
    name: minted.id,
    spec: {
      user: user.name,
      userUid: user.uid,
      hash: minted.hash,
      ...(body.description !== undefined && { description: body.description }),
      ...(body.expiresIn !== undefined && {
        expiresAt: new Date(now + parseDuration(body.expiresIn)).toISOString(),
      }),
    },
    status: {},
  });
  return { ...viewOfToken(token, now), token: minted.text };
}

/** Removes a token. @param self the caller, who may always remove their own tokens. */
export function revokeToken(
  tx: Tx,
  own: readonly Rule[],
  { id, self }: { id: string; self: string },
): TokenView {
  const token = tx.get("token", "", id);
  if (!token) throw notFound("token", id, "token");
  const user = tx.get("user", "", token.spec.user);
  if (user && user.name !== self) requireCover(own, rulesOfUser(tx, user.spec), user.name);
  tx.remove(token);
  return viewOfToken(token, Date.parse(tx.now));
}

/** Creates a policy. @throws {RuneError} `already_exists` if the name is taken, even by a built-in policy. */
export function createPolicy(
  tx: Tx,
  own: readonly Rule[],
  { name, ...spec }: z.output<typeof policyBody>,
): PolicyView {
  if (Object.hasOwn(BUILTIN_POLICIES, name) || tx.get("policy", "", name)) {
    throw new RuneError("already_exists", `policy ${name} exists already`, {
      hint: Object.hasOwn(BUILTIN_POLICIES, name)
        ? "choose another name"
        : `replace its rules with rune admin policy set ${name}, or choose another name`,
    });
  }
  requireCover(own, spec.rules, `policy ${name}`);
  return viewOfPolicy(tx.create({ kind: "policy", namespace: "", name, spec, status: {} }));
}

/** Creates or replaces a policy. */
export function putPolicy(
  tx: Tx,
  own: readonly Rule[],
  { name, ...spec }: z.output<typeof policyBody>,
): PolicyView {
  refuseBuiltin(name);
  const before = tx.get("policy", "", name);
  if (before) requireCover(own, before.spec.rules, `policy ${name}`);
  requireCover(own, spec.rules, `policy ${name}`);
  const policy = before
    ? tx.update<"policy">(before, { spec })
    : tx.create({ kind: "policy", namespace: "", name, spec, status: {} });
  return viewOfPolicy(policy);
}

/** Removes a policy that no user has. */
export function deletePolicy(tx: Tx, own: readonly Rule[], name: string): PolicyView {
  refuseBuiltin(name);
  const policy = tx.get("policy", "", name);
  if (!policy) throw notFound("policy", name, "policy");
  requireCover(own, policy.spec.rules, `policy ${name}`);
  const holders = tx.list("user").filter((u) => u.spec.policies.includes(name)).map((u) => u.name);
  if (holders.length > 0) {
    throw new RuneError("conflict", `policy ${name} is in use by ${holders.join(", ")}`, {
      hint: "give them other policies first: rune admin user grant <name> --policy <policy>",
    });
  }
  tx.remove(policy);
  return viewOfPolicy(policy);
}

function refuseBuiltin(name: string): void {
  if (!Object.hasOwn(BUILTIN_POLICIES, name)) return;
  throw new RuneError("failed_precondition", `policy ${name} is built in and cannot be changed`, {
    hint: "create one with another name",
  });
}

/** The user that bootstrap creates. */
export const ROOT = "root";

/** Whether there is a valid token. */
export function isBootstrapped(state: Reader, now: number): boolean {
  return state.list("token").some((token) => isLive(token, now) && ownerOf(state, token) !== undefined);
}

/** The user of a token; undefined if the user was deleted. */
export function ownerOf(state: Reader, { spec }: Token): User | undefined {
  const user = state.get("user", "", spec.user);
  return user?.uid === spec.userUid ? user : undefined;
}

/** Creates the user root and a token for it, if there is no valid token. */
export function bootstrap(tx: Tx): NewTokenView {
  if (isBootstrapped(tx, Date.parse(tx.now))) {
    throw new RuneError("already_exists", "this daemon has already been bootstrapped", {
      hint: "log in with an existing token; if none is left, start with auth.enabled: false on loopback, " +
        "run rune admin token create root, and enable auth again",
    });
  }
  const everything = BUILTIN_POLICIES.root!.rules;
  const known = tx.get("user", "", ROOT);
  if (!known) createUser(tx, everything, { name: ROOT, type: "user", policies: ["root"] });
  else if (!known.spec.policies.includes("root")) {
    tx.update(known, { spec: { type: "user", policies: ["root"] } });
  }
  return createToken(tx, everything, { user: ROOT, description: "bootstrap" });
}
