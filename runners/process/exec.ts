/** Runs a command inside a run: its mounts, user, environment and limits, with pipes or a terminal (script(1)). @module */
import { RuneError } from "../../spec/error.ts";
import type { ExecOptions, ExecSession } from "../runner.ts";
import type { Listener } from "./bell.ts";
import type { Launch } from "./launch.ts";
import { sendSignal } from "./proc.ts";
import { findTool, searchPath, SYSTEM_PATH } from "./tools.ts";

/** What a command needs beside what the caller wants. */
export interface RunExecOptions extends ExecOptions {
  /** Path of join.sh. */
  joinScript: string;
  /** Pid of the run's main process, whose mounts are entered. */
  main: number;
  /** `cgroup.procs` files to join. */
  procs: string[];
  /** Rings when the run may have ended, and on abort; disposed when the command ended. */
  listener: Listener;
  /** Whether the run's main process ended; the command ends with it. */
  isOver(): Promise<boolean>;
}

type Output = { stream: "stdout" | "stderr"; data: Uint8Array };

/** Quotes a word for a POSIX shell: nothing is special within single quotes but the quote itself. */
export function quoteWord(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** Starts a command in a run that was launched by `launch`. */
export async function execInRun(launch: Launch, options: RunExecOptions): Promise<ExecSession> {
  const inside = [
    ...(launch.view === "shared"
      ? []
      : [await findTool("nsenter"), `--mount=/proc/${options.main}/ns/mnt`, "--"]),
    "/bin/sh",
    "-c",
    'cd "$1" && shift && exec "$@"',
    "rune-exec",
    launch.workdir,
    ...launch.privileges,
    ...options.command,
  ];
  const script = options.tty ? await searchPath("script", SYSTEM_PATH) : undefined;
  const size = script === undefined ? undefined : options.size;
  const rowsAndColumns = size ? [`${size.rows}`, `${size.columns}`] : ["0", "0"];
  const joined = ["/bin/sh", options.joinScript, ...rowsAndColumns, ...options.procs, "--", ...inside];
  const [program, ...args] = script === undefined
    ? joined
    : [script, "-qefc", `exec ${joined.map(quoteWord).join(" ")}`, "/dev/null"];
  const piped = options.stdin || script !== undefined;
  const child = new Deno.Command(program!, {
    args,
    // script(1) runs its command by $SHELL, which must be the shell that the words were quoted for.
    env: { ...launch.env, ...options.env, ...(script !== undefined && { SHELL: "/bin/sh" }) },
    clearEnv: true,
    cwd: "/",
    detached: true,
    stdin: piped ? "piped" : "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();

  const { readable, writable } = new TransformStream<Output, Output>();
  const exitCode = watch(child, { writable, piped, options });
  // Whoever reads only the output must not be the reason for an unhandled rejection.
  exitCode.catch(() => {});
  return {
    output: readable,
    input: options.stdin ? child.stdin : refusingInput(),
    resize: async (size) => {
      if (script !== undefined) await resizeTerminal(child.pid, size);
    },
    exitCode,
  };
}

/** Passes the output on until the command ended, ends it on abort and with its run, and cleans up. */
async function watch(
  child: Deno.ChildProcess,
  { writable, piped, options }: { writable: WritableStream<Output>; piped: boolean; options: RunExecOptions },
): Promise<number> {
  using listener = options.listener;
  const writer = writable.getWriter();
  const pump = async (stream: Output["stream"]) => {
    for await (const data of child[stream]) await writer.write({ stream, data });
  };
  let done = false;
  const guard = (async () => {
    while (!done) {
      if (options.signal.aborted || await options.isOver()) {
        sendSignal(-child.pid, "SIGKILL");
        return;
      }
      await listener.next();
    }
  })();
  try {
    // A reader that went away ends the command by SIGPIPE, as in a pipeline of a shell.
    await Promise.allSettled([pump("stdout"), pump("stderr")]);
    const { code } = await child.status;
    if (options.signal.aborted) {
      throw new RuneError("deadline_exceeded", "the command was ended before it was done", {
        hint: "try again",
      });
    }
    return code;
  } finally {
    done = true;
    listener.ring();
    await guard;
    await writer.close().catch(() => {});
    if (piped) await child.stdin.abort().catch(() => {});
  }
}

function refusingInput(): WritableStream<Uint8Array> {
  return new WritableStream({
    write() {
      throw new RuneError("failed_precondition", "the command was started without standard input", {
        hint: "ask for stdin",
      });
    },
  });
}

/** Sets the size of the terminal that script(1) made, which tells its processes by SIGWINCH. */
async function resizeTerminal(scriptPid: number, size: { columns: number; rows: number }): Promise<void> {
  try {
    const children = await Deno.readTextFile(`/proc/${scriptPid}/task/${scriptPid}/children`);
    const terminal = await Deno.readLink(`/proc/${children.trim().split(" ")[0]}/fd/0`);
    await new Deno.Command(await findTool("stty"), {
      args: ["-F", terminal, "rows", `${size.rows}`, "cols", `${size.columns}`],
      stdout: "null",
      stderr: "null",
    }).output();
  } catch (error) {
    // The command ended meanwhile.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
