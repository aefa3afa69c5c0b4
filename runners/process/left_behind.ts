/**
 * Counts the processes that a main process left when it ended, as a program does that moves itself to the
 * background.
 * @module
 */
import { descendsFrom, type ProcessIdentity, type ProcessStat } from "./proc.ts";

/** The beginnings of the commands that wrapper.sh itself executes after the end of the main process. */
const WRAPPERS_OWN = ["ln -sn ", "sleep 0.05 "];

/** How many processes belong neither to the wrapper nor to commands of `exec`. */
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
    // It does not execute its command yet, or no longer.
    return command === "" || command.includes("/wrapper.sh ") ||
      WRAPPERS_OWN.some((own) => command.startsWith(own));
  } catch {
    return true;
  }
}
