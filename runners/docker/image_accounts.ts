/**
 * Finds the numeric user and group of a container's main process from its security context, or from its image
 * and the accounts in the image's files. Runs nothing of the image. See docs/decisions/0047.
 * @module
 */
import { parseAccountId, type SecurityContext } from "../../model/security.ts";
import type { ImageFacts } from "../image_facts.ts";
import { userOf } from "./container_config.ts";

/** A numeric user and group. The Engine chooses absent ones. */
export interface ContainerOwner {
  user?: number;
  group?: number;
}

/** The account files of an image. */
interface Accounts {
  passwd: string;
  group: string;
}

/** How many images' accounts are cached. An id identifies the contents. */
const REMEMBERED = 64;

const FILES = ["/etc/passwd", "/etc/group"];

/** Finds the owners of containers, for one Engine. */
export function createImageAccounts(
  { describe, read }: {
    describe(image: string, signal: AbortSignal): Promise<ImageFacts>;
    /** Reads small files of an image, by path. */
    read(image: string, paths: string[], signal: AbortSignal): Promise<Map<string, string | undefined>>;
  },
): (context: SecurityContext, options: { image: string; signal: AbortSignal }) => Promise<ContainerOwner> {
  const known = new Map<string, Promise<Accounts>>();

  async function accountsOf(id: string, signal: AbortSignal): Promise<Accounts> {
    const remembered = known.get(id);
    if (remembered) return await remembered;
    const reading = read(id, FILES, signal).then((files) => {
      const [passwd = "", group = ""] = FILES.map((path) => files.get(path));
      return { passwd, group };
    });
    known.set(id, reading);
    for (const oldest of known.keys()) {
      if (known.size <= REMEMBERED) break;
      known.delete(oldest);
    }
    try {
      return await reading;
    } catch (error) {
      known.delete(id);
      throw error;
    }
  }

  return async (context, { image, signal }) => {
    const own = userOf(context);
    const facts = own === undefined ? await describe(image, signal) : undefined;
    const [user = "", group] = (own ?? facts?.user ?? "").split(":");
    if (user === "") return { user: 0, group: 0 };
    const numbers = readIds({ user, group });
    if (numbers) return numbers;
    const id = (facts ?? await describe(image, signal)).id;
    return findOwner({ user, group }, await accountsOf(id, signal));
  };
}

/** Parses a numeric user and group; undefined if a name must be looked up. */
function readIds({ user, group }: { user: string; group?: string | undefined }): ContainerOwner | undefined {
  const [uid, gid] = [idOf(user), group === undefined ? undefined : idOf(group)];
  if (uid === undefined || (group !== undefined && gid === undefined)) return undefined;
  return { user: uid, ...(gid !== undefined && { group: gid }) };
}

/** Parses an id; undefined for a name, and for a number that no process can have. */
function idOf(text: string): number | undefined {
  try {
    return parseAccountId(text);
  } catch {
    return undefined;
  }
}

/**
 * Looks up a user and group as the Engine does. Leaves unknown names to the container's start, which reports
 * them.
 */
export function findOwner(
  { user, group }: { user: string; group?: string | undefined },
  { passwd, group: groups }: Accounts,
): ContainerOwner {
  const account = /^\d+$/.test(user) ? undefined : rowsOf(passwd).find(([name]) => name === user);
  const uid = account ? idOf(account[2] ?? "") : idOf(user);
  if (uid === undefined) return {};
  const row = group === undefined || /^\d+$/.test(group)
    ? undefined
    : rowsOf(groups).find(([name]) => name === group);
  const gid = group === undefined ? idOf(account?.[3] ?? "") : row ? idOf(row[2] ?? "") : idOf(group);
  return { user: uid, ...(gid !== undefined && { group: gid }) };
}

const rowsOf = (text: string) => text.split("\n").map((line) => line.trim().split(":"));
