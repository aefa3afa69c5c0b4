/** How the suite looks at runs: it waits for what it needs, never for time. @module */
import assert from "node:assert/strict";
import { RuneError } from "../model/error.ts";
import type { LogEntry, LogOptions, Runner, RunRef, RunState } from "./runner.ts";

/** Waits for a line of a run's output. */
export async function readLine(
  runner: Runner,
  ref: RunRef,
  { text, signal }: { text: string; signal: AbortSignal },
): Promise<void> {
  const stream = await runner.logs(ref, { follow: true, signal });
  for await (const entry of stream) if (entry.text === text) return;
  assert.fail(`the run ended without printing "${text}"`);
}

/** Waits until a run ended, by way of its events. */
export async function waitForEnd(runner: Runner, ref: RunRef, signal: AbortSignal): Promise<RunState> {
  const abort = new AbortController();
  try {
    for await (const _ of runner.events(AbortSignal.any([signal, abort.signal]))) {
      const state = await runner.inspect(ref, signal);
      if (state.state === "exited") return state;
    }
  } finally {
    abort.abort();
  }
  return assert.fail("the run did not end in time");
}

/** All of a stream. */
export async function readEntries(stream: ReadableStream<LogEntry>): Promise<LogEntry[]> {
  return await Array.fromAsync(stream);
}

/** The lines of a log. */
export async function readTexts(runner: Runner, ref: RunRef, options: LogOptions): Promise<string[]> {
  return (await readEntries(await runner.logs(ref, options))).map((e) => e.text);
}

/** The lines of one stream. */
export function textsOf(all: LogEntry[], stream: LogEntry["stream"]): string[] {
  return all.filter((e) => e.stream === stream).map((e) => e.text);
}

/** Expects a RuneError with one of these codes. */
export async function assertRejects(call: Promise<unknown>, ...codes: string[]): Promise<void> {
  await assert.rejects(call, (error: unknown) => {
    assert.ok(error instanceof RuneError, `expected a RuneError, found ${error}`);
    assert.ok(
      codes.includes(error.code),
      `expected ${codes.join(" or ")}, found ${error.code}: ${error.message}`,
    );
    return true;
  });
}
