/**
 * Whether `rune exec` passes its standard input on. A shell gives each command of a loop the loop's own
 * input: who reads it without being asked eats what the loop was to read, and who never reads it loses a dump
 * that was meant for the command. So without `-i` it is read where somebody gave it to this command: a
 * terminal, a pipe, or a file from its beginning.
 * @module
 */

/**
 * What standard input is: `shared` is a file that somebody has read from before, such as the list of a `while
 * read` loop; `nothing` is /dev/null and the like, or closed.
 */
export type InputSource = "terminal" | "pipe" | "file" | "shared" | "nothing";

/** Decides by what was asked for (`-i`: true, `--no-stdin`: false), else by what it is. */
export function readsInput(asked: boolean | undefined, source: InputSource): boolean {
  return asked ?? (source === "terminal" || source === "pipe" || source === "file");
}

/** What the standard input of this process is. */
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
 * How far the file on standard input was read: opening it again begins anew on Linux, and goes on elsewhere.
 */
function position(): number {
  if (Deno.build.os === "linux") {
    return Number(/^pos:\s*(\d+)/m.exec(Deno.readTextFileSync("/proc/self/fdinfo/0"))?.[1]);
  }
  using file = Deno.openSync("/dev/fd/0");
  return file.seekSync(0, Deno.SeekMode.Current);
}
