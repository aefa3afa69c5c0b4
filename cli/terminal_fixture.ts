/** A terminal for tests that records what was written. @module */
import { forTerminal } from "./terminal/paint.ts";
import type { Terminal } from "./terminal/terminal.ts";

/** What a test may set. */
export interface FakeOptions {
  stdin?: string;
  env?: Record<string, string>;
  /** All three streams are terminals of this size. */
  size?: { columns: number; rows: number };
}

/** A terminal whose output is text. */
export interface FakeTerminal extends Terminal {
  stdout(): string;
  stderr(): string;
}

/** Makes one. */
export function fakeTerminal(options: FakeOptions = {}): FakeTerminal {
  const decoder = new TextDecoder();
  const written = { out: "", err: "" };
  const add = (to: "out" | "err") => (text: string) => void (written[to] += forTerminal(text));
  const isTerminal = options.size !== undefined;
  return {
    out: add("out"),
    err: add("err"),
    async write(stream, bytes) {
      await Promise.resolve();
      written[stream] += decoder.decode(bytes);
    },
    stdinIsTerminal: isTerminal,
    stdoutIsTerminal: isTerminal,
    stderrIsTerminal: isTerminal,
    stdin: ReadableStream.from([new TextEncoder().encode(options.stdin ?? "")]),
    inputSource: () => isTerminal ? "terminal" : options.stdin === undefined ? "nothing" : "pipe",
    setRaw: () => {},
    size: () => options.size,
    env: (name) => options.env?.[name],
    stdout: () => written.out,
    stderr: () => written.err,
  };
}
