/**
 * The terminal, or what stands in for it: all reading and writing of the client passes through here.
 * @module
 */
import { writeAll, writeAllSync } from "../../base/durable.ts";
import { RuneError } from "../../model/error.ts";
import { type InputSource, inputSource } from "./exec_input.ts";
import { forTerminal } from "./paint.ts";

/** What the client needs of a terminal. */
export interface Terminal {
  /** Data. Only plain text gets out, and what `escape` of paint.ts made. */
  out(text: string): void;
  /** Everything else, in the same way. */
  err(text: string): void;
  /**
   * Bytes as they are, escape sequences and all, waiting where their reader is slow: what a command or a file
   * holds.
   */
  write(stream: "out" | "err", bytes: Uint8Array): Promise<void>;
  readonly stdinIsTerminal: boolean;
  readonly stdoutIsTerminal: boolean;
  readonly stderrIsTerminal: boolean;
  readonly stdin: ReadableStream<Uint8Array>;
  /** What standard input is. */
  inputSource(): InputSource;
  /** Keys pass through unread, or (false) the line is edited again. */
  setRaw(raw: boolean): void;
  /** Size of the terminal; undefined where there is none. */
  size(): { columns: number; rows: number } | undefined;
  env(name: string): string | undefined;
}

/** The reader of the output went away (`| head`): the program ends without a word. */
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
    // Some terminals do not know: they say 0.
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
