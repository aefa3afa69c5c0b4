/** The terminal, or its replacement. The client reads and writes only through it. @module */
import { writeAll, writeAllSync } from "../../base/durable.ts";
import { RuneError } from "../../model/error.ts";
import { type InputSource, inputSource } from "./exec_input.ts";
import { forTerminal } from "./paint.ts";

/** What the client needs from a terminal. */
export interface Terminal {
  /** Writes data. Only plain text gets through, and sequences from `escape` of paint.ts. */
  out(text: string): void;
  /** Writes everything else, with the same filter. */
  err(text: string): void;
  /**
   * Writes raw bytes, including escape sequences, and waits for slow readers: the output of a command, or a
   * file.
   */
  write(stream: "out" | "err", bytes: Uint8Array): Promise<void>;
  readonly stdinIsTerminal: boolean;
  readonly stdoutIsTerminal: boolean;
  readonly stderrIsTerminal: boolean;
  readonly stdin: ReadableStream<Uint8Array>;
  /** The kind of standard input. */
  inputSource(): InputSource;
  /** True passes keys through unread; false restores line editing. */
  setRaw(raw: boolean): void;
  /** The size of the terminal; undefined if there is none. */
  size(): { columns: number; rows: number } | undefined;
  env(name: string): string | undefined;
}

/** The reader of the output has closed it (`| head`), so the program ends silently. */
export class OutputClosed extends RuneError {
  constructor(cause: unknown) {
    super("internal", "the output was closed", { cause });
  }
}

function print(stream: typeof Deno.stdout, text: string): void {
  try {
    writeAllSync(stream, new TextEncoder().encode(forTerminal(text)));
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) throw new OutputClosed(error);
    throw error;
  }
}

async function pass(stream: typeof Deno.stdout, bytes: Uint8Array): Promise<void> {
  try {
    await writeAll(stream, bytes);
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) throw new OutputClosed(error);
    throw error;
  }
}

function consoleSize(): { columns: number; rows: number } | undefined {
  try {
    const size = Deno.consoleSize();
    // Some terminals do not know their size and report 0.
    return size.columns > 0 && size.rows > 0 ? size : undefined;
  } catch {
    return undefined;
  }
}

/** The terminal of this process. */
export function systemTerminal(): Terminal {
  return {
    out: (text) => print(Deno.stdout, text),
    err: (text) => print(Deno.stderr, text),
    write: (stream, bytes) => pass(stream === "out" ? Deno.stdout : Deno.stderr, bytes),
    stdinIsTerminal: Deno.stdin.isTerminal(),
    stdoutIsTerminal: Deno.stdout.isTerminal(),
    stderrIsTerminal: Deno.stderr.isTerminal(),
    get stdin() {
      return Deno.stdin.readable;
    },
    inputSource,
    setRaw: (raw) => Deno.stdin.setRaw(raw),
    size: consoleSize,
    env: (name) => Deno.env.get(name),
  };
}
