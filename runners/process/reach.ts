/**
 * Determines which paths of the host a run's user can reach. The daemon looks up commands and directories
 * before a run starts, to explain what is missing. It reveals nothing about paths that only root can see.
 * @module
 */
import { join } from "node:path";
import type { RunMount } from "../runner.ts";
import type { Account } from "./accounts.ts";

/** The user and its view. */
export interface Looker {
  mounts: RunMount[];
  who: Pick<Account, "uid" | "gid" | "groups">;
}

/** The path on the host of a path in the run's view. */
export function onHost(path: string, mounts: RunMount[]): string {
  const mount = mountOf(path, mounts);
  return mount ? mount.source + path.slice(mount.target.length) : path;
}

/**
 * Whether the user may search every directory above the path, according to owners and modes. Links are
 * followed.
 */
export async function canReach(path: string, { mounts, who }: Looker): Promise<boolean> {
  if (who.uid === 0) return true;
  const mount = mountOf(path, mounts);
  // Directories above a mounted directory on the host are not above it in the view.
  let directory = mount?.source ?? "/";
  const parts = path.slice(mount?.target.length ?? 0).split("/").filter((part) => part !== "");
  for (const part of parts) {
    try {
      if (!maySearch(await Deno.stat(directory), who)) return false;
    } catch (error) {
      // Anyone who may search its parent can see that it is missing.
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
