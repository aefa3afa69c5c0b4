/** Handles Ctrl-C and similar signals, for commands that must clean up before they end. @module */
import { EXIT } from "./exit_codes.ts";

const SIGNALS: Partial<Record<Deno.Signal, number>> = { SIGINT: EXIT.interrupted, SIGTERM: 143, SIGHUP: 129 };

/** The reason with which an interrupted command is aborted. */
export class Interrupted extends DOMException {
  /** 128 plus the signal's number, as shells expect. */
  readonly exitCode: number;
  constructor(exitCode: number) {
    super("interrupted", "AbortError");
    this.exitCode = exitCode;
  }
}

/**
 * Runs `work` with a signal that aborts when this process is interrupted. Without it the process would end at
 * once.
 *
 * @throws {Interrupted} if it was interrupted.
 */
export async function withInterrupt<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const listeners = Object.entries(SIGNALS).map(([name, code]) => {
    const listener = () => controller.abort(new Interrupted(code));
    return { name: name as Deno.Signal, listener };
  });
  for (const { name, listener } of listeners) Deno.addSignalListener(name, listener);
  try {
    const result = await work(controller.signal);
    if (controller.signal.aborted) throw controller.signal.reason;
    return result;
  } finally {
    for (const { name, listener } of listeners) Deno.removeSignalListener(name, listener);
  }
}
