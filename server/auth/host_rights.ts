/**
 * What a service takes of the host beyond its own containers, and whether its namespace is granted it. Judged are numbers and
 * paths as they are stored and enforced, never the words that a caller wrote for them.
 * @module
 */
import { hostPortOf } from "../../model/exposing.ts";
import { type Privileged, takesOverHost } from "../../model/privileged.ts";
import { DYNAMIC_USER, isProfileFile, parseAccountId } from "../../model/security.ts";
import type { ServiceSpec } from "../../model/service.ts";
import { type HostAccounts, readHostAccounts } from "./host_accounts.ts";
import { identityNow } from "./host_identity.ts";
import { type Grant, grantOf, type Grants } from "./grants.ts";

/** What there is to grant. */
export interface HostRights {
  grants: Grants;
  accounts: HostAccounts;
  /** Whether the daemon is root; another one can give no process another account. */
  root: boolean;
}

/** One thing of the host that a service takes. */
export interface HostWant {
  kind: keyof Grant;
  value: string | number;
  /** What that is, for the refusal. */
  what: string;
  granted: boolean;
}

type HostSpec = Pick<
  ServiceSpec,
  "image" | "process" | "ports" | "scale" | "expose" | "securityContext" | "identity"
>;

const LOWEST_FREE_PORT = 1024;

/**
 * Whether what runs could take over the host: a container with privileges, or a process that is root by whatever name. Names
 * without numbers, of earlier versions, are looked up.
 */
export function isPrivileged(spec: Privileged, accounts?: HostAccounts): boolean {
  if (takesOverHost(spec)) return true;
  if (!spec.process || spec.identity || spec.securityContext?.user === DYNAMIC_USER) return false;
  return identityNow({ spec }, accounts ?? readHostAccounts())?.user === 0;
}

/** Everything that a service takes of the host, granted or not. Not for services that are privileged: they take all of it. */
export function hostWants(
  { namespace, spec }: { namespace: string; spec: HostSpec },
  rights: HostRights,
): HostWant[] {
  const grant = grantOf(rights.grants, namespace);
  return [
    ...accountWants(spec, { grant, rights }),
    ...fileWants(spec, grant),
    ...portWants(spec, grant),
  ];
}

function accountWants(
  { process, identity, securityContext: { user, group } = {} }: HostSpec,
  { grant, rights: { accounts, root } }: { grant: Grant; rights: HostRights },
): HostWant[] {
  if (!process || !root || user === undefined) return [];
  const users = grant.users.map((u) => accounts.user(u)?.uid ?? numberOf(u));
  const wants: HostWant[] = [];
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
    // What a user has by itself comes with the user; with a dynamic one comes nothing.
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

function fileWants(
  { process, securityContext: { seccompProfile: file } = {} }: HostSpec,
  grant: Grant,
): HostWant[] {
  if (process || !isProfileFile(file)) return [];
  return [{
    kind: "seccompProfiles",
    value: file,
    what: `replace the seccomp profile of containers by the file ${file}`,
    granted: grant.seccompProfiles.includes(file),
  }];
}

function portWants(spec: HostSpec, grant: Grant): HostWant[] {
  const port = hostPortOf(spec as Parameters<typeof hostPortOf>[0])?.hostPort;
  if (port === undefined || port >= LOWEST_FREE_PORT) return [];
  return [{
    kind: "hostPorts",
    value: port,
    what: `take port ${port} of this machine, below ${LOWEST_FREE_PORT}`,
    granted: grant.hostPorts.some(({ from, to }) => from <= port && port <= to),
  }];
}
