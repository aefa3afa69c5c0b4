/**
 * Finds scheduled backups by their names, and decides when the next is due and which ones to remove. A file
 * has such a name only after it was written and its checksums were verified. Pure.
 * @module
 */

/** How much clocks may differ. A time further in the future was written before the clock was set back. */
const AHEAD_MS = 60_000;

/** A backup in the directory. */
export interface KeptBackup {
  name: string;
  /** When it was started, in milliseconds since 1970. */
  at: number;
}

/** The name contains the daemon's id, since daemons may share a directory. */
const prefixOf = (daemonId: string) => `rune-${daemonId.slice(0, 8)}-`;

/**
 * The name of a backup: `rune-1a2b3c4d-20260131T120000Z.tgz`. Sorted by name, the backups of a daemon are
 * sorted by time.
 */
export function backupName(daemonId: string, at: Date): string {
  return `${prefixOf(daemonId)}${at.toISOString().replace(/[-:]|\.\d+/g, "")}.tgz`;
}

/** The name of a backup until it is complete and verified. */
export const partialName = (name: string) => `.${name}.partial`;

/** Finds the backups among the files of a directory, newest first. */
export function findBackups(files: string[], daemonId: string): KeptBackup[] {
  return files.flatMap((name) => {
    const at = timeOf(name, daemonId);
    return at === undefined ? [] : [{ name, at }];
  }).sort((a, b) => b.at - a.at);
}

/** Finds unfinished backups of a daemon that was killed. */
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

/** The latest backup, ignoring those from before the clock was set back. @param backups newest first. */
export function lastOf(backups: KeptBackup[], now: Date): KeptBackup | undefined {
  return backups.find(({ at }) => !isAhead(at, now));
}

/**
 * How long until the next backup is due, in milliseconds; 0 if it is due. One backup makes up for any number
 * of missed ones.
 */
export function dueInMs(
  last: KeptBackup | undefined,
  { everyMs, now }: { everyMs: number; now: Date },
): number {
  return last === undefined ? 0 : Math.max(0, last.at + everyMs - now.getTime());
}

/**
 * The backups to remove after a new one.
 *
 * @param options `made` is the name of the new one. It always stays, whatever the clock says, so there is
 * always a good one.
 */
export function surplusOf(
  backups: KeptBackup[],
  { made, keep, now }: { made: string; keep: number; now: Date },
): KeptBackup[] {
  // A time in the future is from before the clock was set back, so that backup is older than all later ones.
  const rank = ({ at }: KeptBackup) => isAhead(at, now) ? at - 1e15 : at;
  return backups.filter(({ name }) => name !== made).sort((a, b) => rank(b) - rank(a)).slice(keep - 1);
}

const isAhead = (at: number, now: Date) => at > now.getTime() + AHEAD_MS;
