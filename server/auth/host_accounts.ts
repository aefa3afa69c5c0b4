/**
 * Users and groups of this host, read from `/etc/passwd` and `/etc/group`. Synchronous, for use in a
 * transaction.
 * @module
 */
import { parseAccountId } from "../../model/security.ts";

/** An account and its groups. */
export interface HostAccount {
  uid: number;
  gid: number;
  /** Groups that list it as a member; its own `gid` is in here only if that group lists it. */
  groups: number[];
}

/** Looks up users and groups of this host. */
export interface HostAccounts {
  /** Finds an account by name, or by its uid in digits; undefined if the host has none. */
  user(account: string): HostAccount | undefined;
  /** The gid of a group. Digits are a gid themselves; undefined for a name that the host does not know. */
  group(group: string): number | undefined;
  /** Whether an account or group has this number. */
  has(id: number): boolean;
}

interface Row {
  name: string;
  id: number;
  fields: string[];
}

function rowsOf(file: string): Row[] {
  return readFile(file).split("\n").flatMap((line) => {
    const fields = line.split(":");
    const [name, , id] = fields;
    return name && id && /^\d+$/.test(id) ? [{ name, id: Number(id), fields }] : [];
  });
}

/** The text of a file; a host without it has no accounts. */
function readFile(file: string): string {
  try {
    return Deno.readTextFileSync(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

/**
 * systemd keeps a file named after each uid that it assigned to a unit with `DynamicUser`; such a uid is in
 * no other file.
 */
function isAssignedBySystemd(id: number): boolean {
  try {
    Deno.lstatSync(`/run/systemd/dynamic-uid/${id}`);
    return true;
  } catch {
    return false;
  }
}

/** Reads both files. @param files the paths; tests pass their own. */
export function readHostAccounts(
  { passwd, group }: { passwd: string; group: string } = { passwd: "/etc/passwd", group: "/etc/group" },
): HostAccounts {
  const users = rowsOf(passwd);
  const groups = rowsOf(group);
  const ids = new Set([...users, ...groups].map(({ id }) => id));
  return {
    user(account) {
      const uid = parseAccountId(account);
      const row = users.find((r) => uid === undefined ? r.name === account : r.id === uid);
      if (!row) return undefined;
      return {
        uid: row.id,
        gid: Number(row.fields[3]),
        groups: groups.filter((g) => (g.fields[3] ?? "").split(",").includes(row.name)).map(({ id }) => id),
      };
    },
    group: (name) => parseAccountId(name) ?? groups.find((g) => g.name === name)?.id,
    has: (id) => ids.has(id) || isAssignedBySystemd(id),
  };
}
