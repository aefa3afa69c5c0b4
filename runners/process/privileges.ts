/**
 * Translates an identity and a securityContext to what enforces them: options of setpriv(1), a read-only
 * view, and the lines that `/proc/<pid>/status` must show afterwards. Refuses what cannot be enforced.
 *
 * A user other than root runs with `no_new_privs`, only with its own supplementary groups, and in all five
 * sets only with the capabilities that its service was granted.
 * @module
 */
import { RuneError } from "../../model/error.ts";
import type { HostIdentity, SecurityContext } from "../../model/security.ts";
import { type Account, DEFAULT_SHELL, findAccount, findGroup, resolveUser } from "./accounts.ts";
import { capabilitySet, ownCapabilities, setprivList, statusText } from "./capabilities.ts";

/** The requested user and restrictions of a run's processes. */
export interface Restricted {
  securityContext?: SecurityContext;
  /** Numeric ids that were resolved when the service was written. They take precedence over names. */
  identity?: HostIdentity;
}

/** How a run's processes are restricted. */
export interface Privileges {
  /** The account of the processes. */
  account: Account;
  /** The ids to switch to; undefined to keep those of the daemon. */
  identity?: HostIdentity;
  /** Capabilities to keep; undefined to keep those of the daemon. */
  capabilities?: bigint;
  /** The remaining bounding set; undefined to keep that of the daemon. */
  bounding?: bigint;
  noNewPrivileges: boolean;
  /** Whether the filesystem is read-only except for mounts. */
  readOnlyFs: boolean;
}

/** With one of these, a process could make its read-only view writable again. */
const UNDO_READ_ONLY = ["SYS_ADMIN", "SYS_PTRACE"];
const CONTAINER_ONLY = ["capAdd", "capDrop", "privileged", "seccompProfile"] as const;

function refuse(field: keyof SecurityContext, reason: string, hint: string): never {
  throw new RuneError("failed_precondition", `securityContext.${field} ${reason}`, { hint, permanent: true });
}

/**
 * Plans the privileges of a run.
 *
 * @param root whether the daemon is root. Only then can a user, group, capabilities or a read-only view be
 * enforced.
 * @throws {RuneError} `failed_precondition` with the field that cannot be enforced; see also {@linkcode
 * resolveUser}.
 */
export async function planPrivileges(
  { securityContext: context = {}, identity }: Restricted,
  root: boolean,
): Promise<Privileges> {
  for (const field of CONTAINER_ONLY) {
    const value = context[field];
    if (value === undefined || value === false || (Array.isArray(value) && value.length === 0)) continue;
    refuse(field, "works for containers only", "use user, group, capabilities and readOnlyFS");
  }
  const readOnlyFs = context.readOnlyFS ?? context.readOnlyRootFilesystem ?? false;
  if (!root) {
    for (const field of ["user", "group", "capabilities"] as const) {
      if (context[field] !== undefined) refuse(field, "needs a daemon that runs as root", `remove ${field}`);
    }
    if (identity) refuse("user", "needs a daemon that runs as root", "remove user");
    if (readOnlyFs) refuse("readOnlyFS", "needs a daemon that runs as root", "remove readOnlyFS");
  }
  const undoing = UNDO_READ_ONLY.filter((c) => context.capabilities?.some((k) => k === c || k === "ALL"));
  if (readOnlyFs && undoing.length > 0) {
    refuse("capabilities", `with ${undoing[0]} would undo readOnlyFS`, "remove one of them");
  }
  const account = await accountOf(context, identity);
  const isRoot = account.uid === 0;
  if (!isRoot && context.noNewPrivileges === false) {
    refuse("noNewPrivileges", "cannot be false for a process that is not root", "remove it");
  }
  const { uid: user, gid: group, groups } = account;
  const takesOn = identity !== undefined || context.user !== undefined || context.group !== undefined;
  return {
    account,
    ...(takesOn && { identity: { user, group, groups: [...new Set(groups)].sort((a, b) => a - b) } }),
    ...(root && capabilitiesOf(context, { isRoot, readOnlyFs })),
    noNewPrivileges: context.noNewPrivileges ?? !isRoot,
    readOnlyFs,
  };
}

async function accountOf(context: SecurityContext, identity: HostIdentity | undefined): Promise<Account> {
  if (identity) {
    const { user: uid, group: gid, groups } = identity;
    const known = await findAccount(uid) ?? { name: "", home: "/", shell: DEFAULT_SHELL };
    return { ...known, uid, gid, groups };
  }
  const group = context.group === undefined ? undefined : await findGroup(context.group);
  if (context.user !== undefined) return await resolveUser(context.user, group);
  const [uid, gid] = [Deno.uid()!, Deno.gid()!];
  const own = await findAccount(uid) ??
    { name: "", uid, gid, groups: [], home: Deno.env.get("HOME") ?? "/", shell: DEFAULT_SHELL };
  return group === undefined ? own : { ...own, gid: group, groups: [] };
}

function capabilitiesOf(
  { capabilities }: SecurityContext,
  { isRoot, readOnlyFs }: { isRoot: boolean; readOnlyFs: boolean },
): Pick<Privileges, "capabilities" | "bounding"> {
  const own = ownCapabilities();
  if (capabilities !== undefined && !(isRoot && capabilities.includes("ALL"))) {
    const set = capabilitySet(capabilities, own);
    return { capabilities: set, bounding: set };
  }
  if (!isRoot) return { capabilities: 0n, bounding: 0n };
  return readOnlyFs ? { bounding: own & ~capabilitySet(UNDO_READ_ONLY, own) } : {};
}

/**
 * Options of setpriv(1) that leave a process with exactly these privileges; none if nothing must be dropped.
 */
export function setprivOptions({ identity, capabilities, bounding, noNewPrivileges }: Privileges): string[] {
  const options: string[] = [];
  if (noNewPrivileges) options.push("--no-new-privs");
  if (identity) options.push("--reuid", `${identity.user}`, ...groupOptions(identity));
  if (capabilities !== undefined) {
    // Root regains what the bounding set leaves; everyone else needs ambient capabilities to keep any.
    const ambient = identity !== undefined && identity.user !== 0 ? capabilities : 0n;
    options.push("--inh-caps", setprivList(capabilities), "--ambient-caps", setprivList(ambient));
  }
  if (bounding !== undefined) options.push("--bounding-set", setprivList(bounding));
  return options;
}

/** Options of setpriv(1) for the group and the supplementary groups. */
export function groupOptions({ group, groups }: HostIdentity): string[] {
  return [
    "--regid",
    `${group}`,
    ...(groups.length > 0 ? ["--groups", groups.join(",")] : ["--clear-groups"]),
  ];
}

/**
 * The lines that `/proc/<pid>/status` must show for a process with these privileges (proc(5)).
 *
 * @param more what else the bounding set may contain. `no_new_privs` makes it useless.
 */
export function statusLines(privileges: Privileges, more = 0n): string[] {
  const { account, identity, capabilities, bounding, noNewPrivileges } = privileges;
  const all = (id: number) => `${id}\t${id}\t${id}\t${id}`;
  const lines = [`Uid:\t${all(account.uid)}`, `Gid:\t${all(account.gid)}`];
  if (identity) lines.push(identity.groups.length > 0 ? `Groups:\t${identity.groups.join(" ")}` : "Groups:");
  if (noNewPrivileges) lines.push("NoNewPrivs:\t1");
  if (capabilities !== undefined) {
    for (const set of ["Inh", "Prm", "Eff"]) lines.push(`Cap${set}:\t${statusText(capabilities)}`);
    lines.push(`CapAmb:\t${statusText(account.uid === 0 ? 0n : capabilities)}`);
  }
  if (bounding !== undefined) lines.push(`CapBnd:\t${statusText(bounding | more)}`);
  return lines;
}
