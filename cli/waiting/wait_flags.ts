/**
 * The flags of commands that wait, and the wait itself: progress, Ctrl-C, and the explanation of a failure.
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

/** Adds these flags. */
export function addWaitFlags(command: CommandUnknownOpts): void {
  command
    .option("--wait", "wait until it is done", true)
    .option("--no-wait", "return as soon as the daemon has accepted it")
    .option("--timeout <duration>", "how long to wait: 30s, 5m, 1h", "5m");
}

/** Parses a duration to milliseconds. @throws {UsageError} if it is not one. */
export function durationFlag(text: string): number {
  try {
    return parseDuration(text);
  } catch (error) {
    if (error instanceof RuneError) throw new UsageError(error.message, error.hint);
    throw error;
  }
}

/**
 * Waits for goals and shows their progress. Prints the latest warnings about goals that were not reached.
 *
 * @param options.what the request, in one word: `cast`.
 * @param options.since the store's revision at the request; earlier warnings are not printed.
 * @throws {RuneError} if a goal failed (`internal`) or the time ran out (`deadline_exceeded`).
 * @throws {Interrupted} after Ctrl-C, after printing that the daemon continues.
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
        `the ${options.what} was accepted and continues without this command; follow it with: rune get ${kinds}\n`,
      );
    }
    throw error;
  }
  const failure = settleFailure(settled, options.what);
  if (!failure) return settled;
  await printWarnings(session, settled.filter(({ verdict }) => verdict.state !== "done"), options);
  throw failure;
}
