/**
 * Ends a run in order. The main process is asked first, alone, because it knows how to end its children, and
 * a child that is saving must not be killed with its parent. The others are asked when the main process has
 * ended, or at the latest when its time is up.
 *
 * - The main process gets its stop signal, and SIGKILL after the time-out.
 * - When it has ended, by itself or by SIGKILL, the others get SIGTERM. They have the rest of the time-out,
 *   and at least a short time.
 * - Then everything gets SIGKILL.
 *
 * So the time-out limits the orderly end, and a stop takes only that short time longer. Programs that expect
 * a signal to every process, like a shell that does not forward it, also end: the shell ends at once, and
 * then its children are asked.
 * @module
 */
import { RuneError } from "../../model/error.ts";
import { signalMembers } from "./members.ts";
import { observe } from "./observe.ts";
import { readProcess, readSame, signalSame } from "./proc.ts";
import type { RunFiles } from "./records.ts";
import { isLiving, type Living, mainOf } from "./run_state.ts";
import type { Supervisor } from "./supervisor.ts";

/** Options of ending a run. */
export interface EndOptions {
  supervisor: Supervisor;
  timeoutMs: number;
  stopSignal: Deno.Signal;
  signal: AbortSignal;
}

/** How many milliseconds the others get if the main process used up the time. */
const OTHERS_MS = 2_000;

/** Signals a run until none of its processes is left, and records its end. */
export async function endRun(files: RunFiles, options: EndOptions): Promise<void> {
  const { supervisor, timeoutMs, stopSignal, signal } = options;
  const { bell, host, stopping } = supervisor;
  using listener = bell.listen(files.name, signal);
  const killAt = performance.now() + timeoutMs;
  /** `killAt` is finite once they have been asked. */
  const others = { killAt: Infinity };
  let asked = false;
  let patience = 5;

  const askOthers = (found: Living, now: number) => {
    if (others.killAt < Infinity) return;
    others.killAt = Math.max(killAt, now + Math.min(OTHERS_MS, timeoutMs));
    const members = found.members.filter(({ pid }) => pid !== found.leader.pid);
    signalMembers(host, { ...found, members }, "SIGTERM");
  };
  const noteKill = () => stopping.set(files.name, { killed: true });

  for (;;) {
    const found = await observe(files, host);
    if (!isLiving(found)) return await supervisor.settle(files);
    throwIfAborted(signal);
    const now = performance.now();
    const main = mainOf(found);
    if (now >= others.killAt) {
      noteKill();
      signalMembers(host, found, "SIGKILL");
    } else if (hasNoMain(found)) {
      askOthers(found, now);
    } else if (now >= killAt) {
      noteKill();
      if (main) signalSame(main, "SIGKILL");
      askOthers(found, now);
    } else if (main && !asked) {
      asked = true;
      signalSame(main, stopSignal);
    }
    const due = Math.min(others.killAt, now < killAt ? killAt : Infinity) - performance.now();
    await listener.next(due > 0 ? Math.min(due, patience) : patience);
    patience = Math.min(patience * 2, 100);
  }
}

/** Whether the main process has ended, even if this was not recorded, or does not exist yet. */
function hasNoMain({ state, main, leader }: Living): boolean {
  return state === "ending" || main === undefined || readProcess(main) === undefined || !readSame(leader);
}

/** @throws {RuneError} `deadline_exceeded` if the call was aborted. */
export function throwIfAborted(signal: AbortSignal): void {
  if (!signal.aborted) return;
  throw new RuneError("deadline_exceeded", "the call was given up before it was done", {
    hint: "try again",
    cause: signal.reason,
  });
}
