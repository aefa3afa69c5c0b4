/**
 * Which backups the daemon made by itself, by their names, when the next is due, and which of them go. A file
 * has such a name only when all of it was on disk and its checksums were read back. Pure.
 * @module
 */

/** What clocks differ by; a time further ahead than this was written before the clock was set back. */
const AHEAD_MS = 60_000;

/** A backup in the directory. */
export interface KeptBackup {
  name: string;
  /** When it was begun, in milliseconds since 1970. */
  at: number;
}

/** Daemons that share a directory leave each other's backups alone. */
const prefixOf = (daemonId: string) => `rune-${daemonId.slice(0, 8)}-`;

/**
 * `rune-1a2b3c4d-20260131T120000Z.tgz`: in the order of their names, backups of a daemon are in the order of
 * time.
 */
export function backupName(daemonId: string, at: Date): string {
  return `${prefixOf(daemonId)}${at.toISOString().replace(/[-:]|\.\d+/g, "")}.tgz`;
}

/** The name of a backup until all of it is there and checked. */
export const partialName = (name: string) => `.${name}.partial`;

/** The backups among the files of a directory, newest first. */
export function findBackups(files: string[], daemonId: string): KeptBackup[] {
  return files.flatMap((name) => {
    const at = timeOf(name, daemonId);
    return at === undefined ? [] : [{ name, at }];
  }).sort((a, b) => b.at - a.at);
}

/** What a daemon left in a directory that was killed while it wrote there. */
export function findPartials(files: string[], daemonId: string): string[] {
  return files.filter((file) => {
    const name = /^\.(.+)\.partial$/.exec(file)?.[1];
    return name !== undefined && timeOf(name, daemonId) !== undefined;
  });
}

function timeOf(name: string, daemonId: string): number | undefined {
  const prefix = prefixOf(daemonId);
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z\.tgz$/.exec(name.slice(prefix.length));
  if (!match || !name.startsWith(prefix)) return undefined;
  const [, year, month, day, hour, minute, second] = match;
  const at = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(at) ? undefined : at;
}

/** The last one, leaving out what is of a clock that was set back since. @param backups newest first. */
export function lastOf(backups: KeptBackup[], now: Date): KeptBackup | undefined {
  return backups.find(({ at }) => !isAhead(at, now));
}

/**
 * Milliseconds until the next backup is due after the last; 0 when it is. However many were missed, one makes
 * up for them.
 */
export function dueInMs(
  last: KeptBackup | undefined,
  { everyMs, now }: { everyMs: number; now: Date },
): number {
  return last === undefined ? 0 : Math.max(0, last.at + everyMs - now.getTime());
}

/**
 * The backups to remove once another was made.
 *
 * @param options `made` is the name of that one, which stays whatever the clock says; so there is always one
 * that is good.
 */
export function surplusOf(
  backups: KeptBackup[],
  { made, keep, now }: { made: string; keep: number; now: Date },
): KeptBackup[] {
  // A time that is still to come is of a clock that was set back since: older than all that it has shown
  // since then.
  const rank = ({ at }: KeptBackup) => isAhead(at, now) ? at - 1e15 : at;
  return backups.filter(({ name }) => name !== made).sort((a, b) => rank(b) - rank(a)).slice(keep - 1);
}

const isAhead = (at: number, now: Date) => at > now.getTime() + AHEAD_MS;
