/**
 * Decides whether `rune exec` passes its standard input on. A shell gives each command in a loop the loop's
 * own input. Reading it uninvited consumes what the loop wanted to read, and never reading it loses a dump
 * that was meant for the command. So without `-i` the input is read only if it was meant for this command: a
 * terminal, a pipe, or a file from its beginning.
 * @module
 */

/**
 * The kind of standard input. `shared` is a file that somebody has already read from, such as the list of a
 * `while read` loop. `nothing` is /dev/null or similar, or closed.
 */
export type InputSource = "terminal" | "pipe" | "file" | "shared" | "nothing";

/** Decides by the flag (`-i`: true, `--no-stdin`: false), or else by the kind of input. */
export function readsInput(asked: boolean | undefined, source: InputSource): boolean {
  return asked ?? (source === "terminal" || source === "pipe" || source === "file");
}

/** The kind of standard input of this process. */
export function inputSource(): InputSource {
  if (Deno.stdin.isTerminal()) return "terminal";
  try {
    const { isFifo, isSocket, isFile } = Deno.statSync("/dev/stdin");
    if (isFifo || isSocket) return "pipe";
    if (!isFile) return "nothing";
    return position() === 0 ? "file" : "shared";
  } catch {
    return "nothing";
  }
}

/**
 * How far the file on standard input has been read. On Linux, opening it again starts at the beginning;
 * elsewhere it continues.
 */
function position(): number {
  if (Deno.build.os === "linux") {
    return Number(/^pos:\s*(\d+)/m.exec(Deno.readTextFileSync("/proc/self/fdinfo/0"))?.[1]);
  }
  using file = Deno.openSync("/dev/fd/0");
  return file.seekSync(0, Deno.SeekMode.Current);
}
