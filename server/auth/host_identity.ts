/**
 * Resolves the user and group of a service's processes to numbers when the service is written. `dynamic`
 * becomes an id that only this service has. A later change of the host's accounts has no effect on a stored
 * service.
 * @module
 */
import { createHash } from "node:crypto";
import { sameValue } from "../../model/changes.ts";
import { type FieldIssue, RuneError } from "../../model/error.ts";
import { templateOf } from "../../model/instance.ts";
import { describeKey } from "../../model/resource.ts";
import { DYNAMIC_USER, type HostIdentity, hostIdentitySchema, parseAccountId } from "../../model/security.ts";
import type { Service, ServiceSpec } from "../../model/service.ts";
import type { Reader } from "../../store/store.ts";
import type { HostAccounts } from "./host_accounts.ts";

/**
 * The ids that systemd uses for units with `DynamicUser` (systemd.exec(5)); distributions leave them free.
 */
export const DYNAMIC_IDS = { first: 61_184, last: 65_519 };

/** An identity, or the issues that prevent one. */
export interface IdentityResult {
  identity?: HostIdentity;
  issues: FieldIssue[];
}

/** What the resolution of an identity reads. */
export interface IdentityWorld {
  state: Reader;
  accounts: HostAccounts;
  /** Whether the daemon runs as root. If not, its processes can only have its own identity. */
  root: boolean;
}

interface Declaration {
  namespace: string;
  name: string;
  spec: ServiceSpec;
}

const namesOf = ({ securityContext: { user, group } = {} }: ServiceSpec) => ({ user, group });

/**
 * Resolves the identity of a service. Stored numbers stay until `user` or `group` changes. A service that an
 * earlier version stored without numbers gets them with its next change, so an upgrade restarts nothing.
 *
 * @param options `anew`: look up names again even if nothing changed.
 */
export function resolveIdentity(
  service: Declaration,
  { before, anew = false, world }: { before: Service | undefined; anew?: boolean; world: IdentityWorld },
): IdentityResult {
  const { spec } = service;
  const { user, group } = namesOf(spec);
  if (!world.root || spec.process === undefined || (user === undefined && group === undefined)) {
    return { issues: [] };
  }
  if (before?.spec.process && sameValue(namesOf(before.spec), { user, group })) {
    const { identity } = before.spec;
    if (identity && (!anew || user === DYNAMIC_USER)) return { identity, issues: [] };
    if (!anew && sameValue(templateOf(before.spec), templateOf({ ...spec, identity: undefined }))) {
      return { issues: [] };
    }
  }
  try {
    const identity = resolve(service, world);
    const known = hostIdentitySchema.safeParse(identity);
    if (known.success) return { identity, issues: [] };
    throw refuse("user", `user ${user} of this host has ids or groups that cannot be given to a process`);
  } catch (error) {
    if (error instanceof Refusal) return { issues: [error.issue] };
    if (!(error instanceof RuneError)) throw error;
    return { issues: [{ path: ["securityContext"], message: error.message, hint: error.hint }] };
  }
}

/**
 * The identity of a stored service or instance: the stored numbers or, if an earlier version stored none, the
 * numbers that its names have now. Undefined if the names are unknown.
 */
export function identityNow(
  { spec }: { spec: Pick<ServiceSpec, "process" | "securityContext" | "identity"> },
  accounts: HostAccounts,
): HostIdentity | undefined {
  if (spec.identity || spec.process === undefined) return spec.identity;
  const { user, group } = spec.securityContext ?? {};
  if (user === undefined) return undefined;
  try {
    const account = accounts.user(user);
    const uid = account?.uid ?? parseAccountId(user);
    const gid = group === undefined ? account?.gid : accounts.group(group);
    return uid === undefined ? undefined : { user: uid, group: gid ?? uid, groups: account?.groups ?? [] };
  } catch {
    return undefined;
  }
}

class Refusal extends Error {
  constructor(readonly issue: FieldIssue) {
    super(issue.message);
  }
}

const refuse = (field: "user" | "group", message: string, hint?: string) =>
  new Refusal({ path: ["securityContext", field], message, ...(hint !== undefined && { hint }) });

function resolve(service: Declaration, world: IdentityWorld): HostIdentity {
  const { accounts } = world;
  const { user, group } = namesOf(service.spec);
  const gid = group === undefined ? undefined : accounts.group(group);
  if (group !== undefined && gid === undefined) {
    throw refuse(
      "group",
      `this host has no group "${group}"`,
      "create the group on the host, or give its number",
    );
  }
  // The daemon's user, which is root, with that group: it needs the rights of root.
  if (user === undefined) return { user: 0, group: gid!, groups: [] };
  if (user === DYNAMIC_USER) {
    const id = freeId(service, world);
    return { user: id, group: gid ?? id, groups: [] };
  }
  const account = accounts.user(user);
  if (account) return { user: account.uid, group: gid ?? account.gid, groups: account.groups };
  const uid = parseAccountId(user);
  if (uid === undefined) {
    throw refuse(
      "user",
      `this host has no user "${user}"`,
      "create the user on the host, give a uid and securityContext.group, or write user: dynamic",
    );
  }
  if (gid === undefined) {
    throw refuse(
      "user",
      `this host has no user with uid ${user}, so its group is unknown`,
      "set securityContext.group too",
    );
  }
  return { user: uid, group: gid, groups: [] };
}

/**
 * The first free id at or after a hash of the service's name, so that a recreated service still owns its
 * files.
 */
function freeId(service: Declaration, { state, accounts }: IdentityWorld): number {
  const count = DYNAMIC_IDS.last - DYNAMIC_IDS.first + 1;
  const start = createHash("sha256").update(describeKey(service)).digest().readUInt32BE() % count;
  const taken = idsOfOthers(service, state);
  for (let step = 0; step < count; step++) {
    const id = DYNAMIC_IDS.first + (start + step) % count;
    if (!taken.has(id) && !accounts.has(id)) return id;
  }
  throw refuse(
    "user",
    `every id from ${DYNAMIC_IDS.first} to ${DYNAMIC_IDS.last} is taken`,
    "delete services with user: dynamic that you no longer need, or name a user of this host",
  );
}

/**
 * Ids of other services, and of instances that still run with an identity that their service no longer has.
 */
function idsOfOthers({ namespace, name }: Declaration, state: Reader): Set<number> {
  const ids = new Set<number>();
  const add = (identity: HostIdentity | undefined) => {
    if (!identity) return;
    for (const id of [identity.user, identity.group, ...identity.groups]) ids.add(id);
  };
  for (const other of state.list("service")) {
    if (other.namespace !== namespace || other.name !== name) add(other.spec.identity);
  }
  for (const { namespace: where, spec } of state.list("instance")) {
    if (where !== namespace || spec.service !== name) add(spec.template.identity);
  }
  return ids;
}
