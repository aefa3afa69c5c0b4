/** Turns a securityContext into what enforces it: a `setpriv` command and a read-only view; or refuses it. @module */
import { RuneError } from "../../spec/error.ts";
import type { SecurityContext } from "../../spec/security.ts";
import { type Account, findAccount, findGroup, resolveUser } from "./accounts.ts";
import { findTool } from "./tools.ts";

/** How a run's processes are restricted. */
export interface Privileges {
  /** Whose processes they are. */
  account: Account;
  /** Command that drops privileges and executes its arguments; empty when there is nothing to drop. */
  prefix: string[];
  /** The filesystem is read-only but for mounts. */
  readOnlyFs: boolean;
}

/** With one of these a process could make its read-only view writable again. */
const UNDO_READ_ONLY = ["SYS_ADMIN", "SYS_PTRACE"];
const CONTAINER_ONLY = ["capAdd", "capDrop", "privileged", "seccompProfile"] as const;

function refuse(field: keyof SecurityContext, reason: string, hint: string): never {
  throw new RuneError("failed_precondition", `securityContext.${field} ${reason}`, { hint });
}

/**
 * Plans the privileges of a run.
 *
 * @param root whether the daemon is root. Only then can a user, group, capabilities or a read-only view be enforced.
 * @throws {RuneError} `failed_precondition` naming the field that cannot be enforced; see also {@linkcode resolveUser}.
 */
export async function planPrivileges(context: SecurityContext, root: boolean): Promise<Privileges> {
  for (const field of CONTAINER_ONLY) {
    const value = context[field];
    if (value === undefined || value === false || (Array.isArray(value) && value.length === 0)) continue;
    refuse(field, "works for containers only", "use user, group, capabilities and readOnlyFS");
  }
  const readOnlyFs = context.readOnlyFS ?? context.readOnlyRootFilesystem ?? false;
  const own = await findAccount(Deno.uid()!) ??
    { name: "", uid: Deno.uid()!, gid: Deno.gid()!, home: Deno.env.get("HOME") ?? "/" };
  if (!root) {
    for (const field of ["user", "group", "capabilities"] as const) {
      if (context[field] !== undefined) refuse(field, "needs a daemon that runs as root", `remove ${field}`);
    }
    if (readOnlyFs) refuse("readOnlyFS", "needs a daemon that runs as root", "remove readOnlyFS");
  }
  const kept = context.capabilities?.filter((c) => c !== "ALL").map((c) => c.toLowerCase());
  const undoing = UNDO_READ_ONLY.filter((c) => context.capabilities?.some((k) => k === c || k === "ALL"));
  if (readOnlyFs && undoing.length > 0) {
    refuse("capabilities", `with ${undoing[0]} would undo readOnlyFS`, "remove one of them");
  }

  const options: string[] = [];
  let account = own;
  if (context.user !== undefined || context.group !== undefined) {
    const group = context.group === undefined ? undefined : await findGroup(context.group);
    account = context.user === undefined ? { ...own, gid: group! } : await resolveUser(context.user, group);
    options.push("--reuid", `${account.uid}`, "--regid", `${account.gid}`);
    options.push(account.name === "" || context.user === undefined ? "--clear-groups" : "--init-groups");
  }
  if (context.capabilities !== undefined && !context.capabilities.includes("ALL")) {
    const set = ["-all", ...kept!.map((c) => `+${c}`)].join(",");
    options.push("--inh-caps", set, "--bounding-set", set);
    // Root regains what the bounding set leaves; everyone else needs ambient capabilities to keep any.
    if (account.uid !== 0) options.push("--ambient-caps", set);
  } else if (readOnlyFs) {
    options.push("--bounding-set", UNDO_READ_ONLY.map((c) => `-${c.toLowerCase()}`).join(","));
  }
  if (context.noNewPrivileges) options.push("--no-new-privs");
  const prefix = options.length === 0 ? [] : [await findTool("setpriv"), ...options, "--"];
  return { account, prefix, readOnlyFs };
}
