/** Users and groups of this host, from `/etc/passwd` and `/etc/group` (passwd(5), group(5)). @module */
import { RuneError } from "../../spec/error.ts";

/** One account. */
export interface Account {
  name: string;
  uid: number;
  gid: number;
  home: string;
}

async function rows(file: string): Promise<string[][]> {
  return (await Deno.readTextFile(file)).split("\n").map((line) => line.split(":"));
}

/** The account with this name or uid, or undefined. */
export async function findAccount(user: string | number): Promise<Account | undefined> {
  const row = (await rows("/etc/passwd")).find((r) => r[0] === String(user) || r[2] === String(user));
  return row && { name: row[0]!, uid: Number(row[2]), gid: Number(row[3]), home: row[5] || "/" };
}

/** The gid of a group by name or number. @throws {RuneError} `not_found` for a name that the host does not know. */
export async function findGroup(group: string): Promise<number> {
  if (/^\d+$/.test(group)) return Number(group);
  const row = (await rows("/etc/group")).find((r) => r[0] === group);
  if (row) return Number(row[2]);
  throw new RuneError("not_found", `this host has no group "${group}" (securityContext.group)`, {
    hint: "create the group on the host, or give its number",
    permanent: true,
  });
}

/**
 * The account that `securityContext.user` names; for a number that the host does not know, one without a name.
 *
 * @throws {RuneError} `not_found` for a name that the host does not know; `invalid_argument` for such a number without
 * a group, because nothing says which group it has.
 */
export async function resolveUser(user: string, group: number | undefined): Promise<Account> {
  const account = await findAccount(user);
  if (account) return { ...account, gid: group ?? account.gid };
  if (!/^\d+$/.test(user)) {
    throw new RuneError("not_found", `this host has no user "${user}" (securityContext.user)`, {
      hint: "create the user on the host, or give a uid and securityContext.group",
      permanent: true,
    });
  }
  if (group === undefined) {
    throw new RuneError(
      "invalid_argument",
      `this host has no user with uid ${user}, so its group is unknown`,
      {
        hint: "set securityContext.group too",
      },
    );
  }
  return { name: "", uid: Number(user), gid: group, home: "/" };
}
