/** Ctrl-C and its relatives, for commands that must do something before they end. @module */
import { EXIT } from "./exit_codes.ts";

const SIGNALS: Partial<Record<Deno.Signal, number>> = { SIGINT: EXIT.interrupted, SIGTERM: 143, SIGHUP: 129 };

/** What an interrupted command is aborted with. */
export class Interrupted extends DOMException {
  /** 128 and the signal's number, as shells expect. */
  readonly exitCode: number;
  constructor(exitCode: number) {
    super("interrupted", "AbortError");
    this.exitCode = exitCode;
  }
}

/**
 * Runs `work` with a signal that aborts when this process is told to end. Without this the process ends at
 * once.
 *
 * @throws {Interrupted} when it was told so.
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
