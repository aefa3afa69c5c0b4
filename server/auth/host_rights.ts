/**
 * What a service uses of the host outside its containers, and whether its namespace has a grant for it.
 * Decisions are made on the numbers and paths that are stored and enforced, never on the names in the
 * castfile.
 * @module
 */
import { hostPortOf } from "../../model/exposing.ts";
import { type Privileged, takesOverHost } from "../../model/privileged.ts";
import { DYNAMIC_USER, isProfileFile, parseAccountId } from "../../model/security.ts";
import type { ServiceSpec } from "../../model/service.ts";
import { type HostAccounts, readHostAccounts } from "./host_accounts.ts";
import { identityNow } from "./host_identity.ts";
import { type Grant, grantOf, type Grants } from "./grants.ts";

/** What decisions about host access depend on. */
export interface HostRights {
  grants: Grants;
  accounts: HostAccounts;
  /** Whether the daemon runs as root. If not, its processes can only have its own account. */
  root: boolean;
}

/** One thing of the host that a service uses. */
export interface HostAccess {
  kind: keyof Grant;
  value: string | number;
  /** The access as a phrase that completes "namespace x has no grant to …". */
  what: string;
  granted: boolean;
}

type HostSpec = Pick<
  ServiceSpec,
  "image" | "process" | "ports" | "scale" | "expose" | "securityContext" | "identity"
>;

const LOWEST_FREE_PORT = 1024;

/**
 * Whether a service could take over the host: a privileged container, or a process with the rights of root.
 * Names that an earlier version stored without numbers are looked up.
 */
export function isPrivileged(spec: Privileged, accounts?: HostAccounts): boolean {
  if (takesOverHost(spec)) return true;
  if (!spec.process || spec.identity || spec.securityContext?.user === DYNAMIC_USER) return false;
  return identityNow({ spec }, accounts ?? readHostAccounts())?.user === 0;
}

/** Lists what an unprivileged service uses of the host, granted or not. */
export function listHostAccess(
  { namespace, spec }: { namespace: string; spec: HostSpec },
  rights: HostRights,
): HostAccess[] {
  const grant = grantOf(rights.grants, namespace);
  return [
    ...accountAccess(spec, { grant, rights }),
    ...fileAccess(spec, grant),
    ...portAccess(spec, grant),
  ];
}

function accountAccess(
  { process, identity, securityContext: { user, group } = {} }: HostSpec,
  { grant, rights: { accounts, root } }: { grant: Grant; rights: HostRights },
): HostAccess[] {
  if (!process || !root || user === undefined) return [];
  const users = grant.users.map((u) => accounts.user(u)?.uid ?? numberOf(u));
  const wants: HostAccess[] = [];
  if (user !== DYNAMIC_USER) {
    const granted = identity ? users.includes(identity.user) : grant.users.includes(user);
    wants.push({
      kind: "users",
      value: user,
      what: `run a process as the user ${user} of this host`,
      granted,
    });
  }
  if (group !== undefined) {
    // A granted user brings its own groups; a dynamic user has none.
    const own = user === DYNAMIC_USER || !identity ? [] : [
      ...identity.groups,
      ...[accounts.user(String(identity.user))?.gid].filter((gid) => gid !== undefined),
    ];
    const groups = [...own, ...grant.groups.map((g) => accounts.group(g))];
    const granted = identity ? groups.includes(identity.group) : grant.groups.includes(group);
    wants.push({
      kind: "groups",
      value: group,
      what: `give a process the group ${group} of this host`,
      granted,
    });
  }
  return wants;
}

function numberOf(text: string): number | undefined {
  return /^\d+$/.test(text) ? parseAccountId(text) : undefined;
}

function fileAccess(
  { process, securityContext: { seccompProfile: file } = {} }: HostSpec,
  grant: Grant,
): HostAccess[] {
  if (process || !isProfileFile(file)) return [];
  return [{
    kind: "seccompProfiles",
    value: file,
    what: `replace the seccomp profile of containers by the file ${file}`,
    granted: grant.seccompProfiles.includes(file),
  }];
}

function portAccess(spec: HostSpec, grant: Grant): HostAccess[] {
  const port = hostPortOf(spec as Parameters<typeof hostPortOf>[0])?.hostPort;
  if (port === undefined || port >= LOWEST_FREE_PORT) return [];
  return [{
    kind: "hostPorts",
    value: port,
    what: `take port ${port} of this machine, below ${LOWEST_FREE_PORT}`,
    granted: grant.hostPorts.some(({ from, to }) => from <= port && port <= to),
  }];
}
