/**
 * Finds the user and group of a container's main process, as numbers: from its security context or its image,
 * with the accounts in the image's files. Runs nothing of the image. See docs/decisions/0047.
 * @module
 */
import { parseAccountId, type SecurityContext } from "../../model/security.ts";
import type { ImageFacts } from "../image_facts.ts";
import { userOf } from "./container_config.ts";

/** Numbers of a user; what is absent is the Engine's to choose. */
export interface ContainerOwner {
  user?: number;
  group?: number;
}

/** Files of an image that say who is who. */
interface Accounts {
  passwd: string;
  group: string;
}

/** Images whose accounts are remembered: an id stands for its contents. */
const REMEMBERED = 64;

const FILES = ["/etc/passwd", "/etc/group"];

/** Finds out for whom containers run; one for an Engine. */
export function createImageAccounts(
  { describe, read }: {
    describe(image: string, signal: AbortSignal): Promise<ImageFacts>;
    /** Small files of an image, by path. */
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

/** The numbers of a user and group that are written as such; undefined where a name has to be looked up. */
function readIds({ user, group }: { user: string; group?: string | undefined }): ContainerOwner | undefined {
  const [uid, gid] = [idOf(user), group === undefined ? undefined : idOf(group)];
  if (uid === undefined || (group !== undefined && gid === undefined)) return undefined;
  return { user: uid, ...(gid !== undefined && { group: gid }) };
}

/** The id that digits mean; none for a name, and for digits that no process can have. */
function idOf(text: string): number | undefined {
  try {
    return parseAccountId(text);
  } catch {
    return undefined;
  }
}

/** Looks a user and a group up as the Engine does; what is not found stays open, and its start says so. */
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
