/**
 * Counts the processes that a main process left when it ended, as a program does that puts itself in the
 * background.
 * @module
 */
import { descendsFrom, type ProcessIdentity, type ProcessStat } from "./proc.ts";

/** How what wrapper.sh itself executes begins, when the main process has ended. */
const WRAPPERS_OWN = ["ln -sn ", "sleep 0.05 "];

/** How many of the processes are neither the wrapper's own nor those of commands of `exec`. */
export function countLeft(
  processes: ProcessStat[],
  { leader, commands }: { leader: ProcessIdentity; commands: ReadonlySet<number> },
): number {
  return processes.filter((process) => !isWrappersOwn(process, leader) && !descendsFrom(process, commands))
    .length;
}

/** Orphans may be children of the wrapper as well. */
function isWrappersOwn({ pid, parent }: ProcessStat, leader: ProcessIdentity): boolean {
  if (parent !== leader.pid) return false;
  try {
    const command = Deno.readTextFileSync(`/proc/${pid}/cmdline`).replaceAll("\0", " ");
    // Not yet its command, or not any more.
    return command === "" || command.includes("/wrapper.sh ") ||
      WRAPPERS_OWN.some((own) => command.startsWith(own));
  } catch {
    return true;
  }
}
