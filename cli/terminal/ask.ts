/** Questions to the person at the terminal. @module */
import type { Terminal } from "./terminal.ts";

/** Asks a yes-or-no question on standard error; anything but `y` or `yes` is no. */
export async function ask(terminal: Terminal, question: string): Promise<boolean> {
  return /^\s*y(es)?\s*\n/i.test(await askLine(terminal, `${question} [y/N] `));
}

/** Asks on standard error for a line, which ends with a newline. */
export async function askLine(terminal: Terminal, question: string): Promise<string> {
  terminal.err(question);
  const reader = terminal.stdin.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>)
    .getReader();
  let answer = "";
  try {
    while (!answer.includes("\n")) {
      const { done, value } = await reader.read();
      if (done) break;
      answer += value;
    }
  } finally {
    await reader.cancel();
  }
  return answer + "\n";
}
