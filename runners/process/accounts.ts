/** Users and groups of this host, from `/etc/passwd` and `/etc/group` (passwd(5), group(5)). @module */
import { RuneError } from "../../model/error.ts";
import { parseAccountId } from "../../model/security.ts";

/** One account. */
export interface Account {
  name: string;
  uid: number;
  gid: number;
  /** Groups that list it as a member. */
  groups: number[];
  home: string;
  shell: string;
}

/** The shell of an account without one, or of a number without an account (passwd(5)). */
export const DEFAULT_SHELL = "/bin/sh";

async function rows(file: string): Promise<string[][]> {
  return (await Deno.readTextFile(file)).split("\n").map((line) => line.split(":"));
}

/** Parses the id in a field of those files; undefined if it is not one. */
function idIn(field: string | undefined): number | undefined {
  try {
    return parseAccountId(field ?? "");
  } catch {
    return undefined;
  }
}

/** The account with this name or uid, or undefined. Digits are a uid, never a name. */
export async function findAccount(user: string | number): Promise<Account | undefined> {
  const wanted = typeof user === "number" ? user : parseAccountId(user);
  for (const [name = "", , uidField, gidField, , home, shell] of await rows("/etc/passwd")) {
    const [uid, gid] = [idIn(uidField), idIn(gidField)];
    if (uid === undefined || gid === undefined || name === "") continue;
    if (wanted === undefined ? name !== user : uid !== wanted) continue;
    const groups = (await rows("/etc/group")).flatMap(([, , id, members = ""]) =>
      members.split(",").includes(name) ? idIn(id) ?? [] : []
    );
    return { name, uid, gid, groups, home: home || "/", shell: shell || DEFAULT_SHELL };
  }
  return undefined;
}

/**
 * The gid of a group by name or number.
 *
 * @throws {RuneError} `not_found` for a name that the host does not know; `invalid_argument` for digits that
 * are not a gid.
 */
export async function findGroup(group: string): Promise<number> {
  const id = parseAccountId(group);
  if (id !== undefined) return id;
  const row = (await rows("/etc/group")).find((r) => r[0] === group);
  const gid = idIn(row?.[2]);
  if (gid !== undefined) return gid;
  throw new RuneError("not_found", `this host has no group "${group}" (securityContext.group)`, {
    hint: "create the group on the host, or give its number",
    permanent: true,
  });
}

/**
 * Resolves the account that `securityContext.user` names. A number that the host does not know becomes an
 * account without a name.
 *
 * @throws {RuneError} `not_found` for a name that the host does not know; `invalid_argument` for digits that
 * are not a uid, and for an unknown number without a group, since its group cannot be determined.
 */
export async function resolveUser(user: string, group: number | undefined): Promise<Account> {
  const account = await findAccount(user);
  if (account) return { ...account, gid: group ?? account.gid };
  const uid = parseAccountId(user);
  if (uid === undefined) {
    throw new RuneError("not_found", `this host has no user "${user}" (securityContext.user)`, {
      hint: "create the user on the host, or give a uid and securityContext.group",
      permanent: true,
    });
  }
  if (group === undefined) {
    throw new RuneError(
      "invalid_argument",
      `this host has no user with uid ${uid}, so its group is unknown`,
      {
        hint: "set securityContext.group too",
      },
    );
  }
  return { name: "", uid, gid: group, groups: [], home: "/", shell: DEFAULT_SHELL };
}
