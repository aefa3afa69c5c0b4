/**
 * What of the host a run's user can reach. The daemon looks up commands and directories before a run starts,
 * to say well what is missing. It says nothing of what only root can see: whether that exists is nobody
 * else's business.
 * @module
 */
import { join } from "node:path";
import type { RunMount } from "../runner.ts";
import type { Account } from "./accounts.ts";

/** Whose view is looked at. */
export interface Looker {
  mounts: RunMount[];
  who: Pick<Account, "uid" | "gid" | "groups">;
}

/** Where a path of the run's view lies on the host. */
export function onHost(path: string, mounts: RunMount[]): string {
  const mount = mountOf(path, mounts);
  return mount ? mount.source + path.slice(mount.target.length) : path;
}

/**
 * Whether the user may search every directory above the path, as far as owners and modes tell. Links are
 * followed.
 */
export async function canReach(path: string, { mounts, who }: Looker): Promise<boolean> {
  if (who.uid === 0) return true;
  const mount = mountOf(path, mounts);
  // What is above a mounted directory on the host is not above it in the view.
  let directory = mount?.source ?? "/";
  const parts = path.slice(mount?.target.length ?? 0).split("/").filter((part) => part !== "");
  for (const part of parts) {
    try {
      if (!maySearch(await Deno.stat(directory), who)) return false;
    } catch (error) {
      // That it is missing can be seen by whoever may search what it would be in.
      return error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory;
    }
    directory = join(directory, part);
  }
  return true;
}

function mountOf(path: string, mounts: RunMount[]): RunMount | undefined {
  const above = mounts.filter((m) => path === m.target || path.startsWith(`${m.target}/`));
  return above.toSorted((a, b) => b.target.length - a.target.length)[0];
}

function maySearch({ mode, uid, gid }: Deno.FileInfo, who: Looker["who"]): boolean {
  if (uid === who.uid) return (mode! & 0o100) !== 0;
  const isMember = gid === who.gid || who.groups.includes(gid!);
  return (mode! & (isMember ? 0o010 : 0o001)) !== 0;
}
