/**
 * The flags of commands that wait, and the waiting itself: progress, Ctrl-C, the story of a failure.
 * @module
 */
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { parseDuration } from "../../model/duration.ts";
import { RuneError } from "../../model/error.ts";
import { KINDS } from "../../model/kinds.ts";
import type { Session } from "../client/command.ts";
import { UsageError } from "../terminal/exit_codes.ts";
import { Interrupted, withInterrupt } from "../terminal/interrupt.ts";
import { createProgress } from "../terminal/progress.ts";
import { settle, type Settled, settleFailure } from "./settle.ts";
import type { Goal } from "./goal.ts";
import { printWarnings } from "./warnings.ts";

/** Flags of a command that waits. */
export interface WaitFlags {
  wait: boolean;
  timeout: string;
}

/** Adds them. */
export function addWaitFlags(command: CommandUnknownOpts): void {
  command
    .option("--wait", "wait until it is done, which is what happens anyway", true)
    .option("--no-wait", "return as soon as the daemon has accepted it")
    .option("--timeout <duration>", "how long to wait: 30s, 5m, 1h", "5m");
}

/** Milliseconds of a duration from the command line. @throws {UsageError} when it is none. */
export function durationFlag(text: string): number {
  try {
    return parseDuration(text);
  } catch (error) {
    if (error instanceof RuneError) throw new UsageError(error.message, error.hint);
    throw error;
  }
}

/**
 * Waits for goals, with progress; tells the latest warnings of what did not get there.
 *
 * @param options.what one word for messages: `cast`.
 * @param options.since the store's revision at the request: warnings from before are not told.
 * @throws {RuneError} when a goal failed (`internal`) or the time ran out (`deadline_exceeded`).
 * @throws {Interrupted} after Ctrl-C, having said that the daemon goes on.
 */
export async function waitFor(
  session: Session,
  goals: Goal[],
  options: { what: string; timeoutMs: number; since?: number },
): Promise<Settled[]> {
  const { terminal, client } = session;
  const progress = createProgress(terminal);
  let settled: Settled[];
  try {
    settled = await withInterrupt((signal) =>
      settle(client, goals, { progress, timeoutMs: options.timeoutMs, signal })
    );
  } catch (error) {
    if (error instanceof Interrupted) {
      const kinds = KINDS[
        goals.find((goal) => goal.kind === "service")?.kind ?? goals[0]?.kind ?? "service"
      ].plural;
      terminal.err(
        `the ${options.what} was accepted and goes on without this command; see it with: rune get ${kinds}\n`,
      );
    }
    throw error;
  }
  const failure = settleFailure(settled, options.what);
  if (!failure) return settled;
  await printWarnings(session, settled.filter(({ verdict }) => verdict.state !== "done"), options);
  throw failure;
}
