/**
 * Runs a command inside a run, with its mounts, user, environment and limits, and with pipes or a terminal
 * (script(1)). As for the main process, no program of root sees the environment or the mounts of the run's
 * user. Rights are dropped before the command enters the view (nsenter(1) drops the last of them itself,
 * after it entered), and the environment comes over a pipe.
 * @module
 */
import { RuneError } from "../../model/error.ts";
import type { ExecOptions, ExecSession, TerminalSize } from "../runner.ts";
import type { Listener } from "./bell.ts";
import { checkVariables, type Launch } from "./launch.ts";
import { capabilitySet, setprivList } from "./capabilities.ts";
import { encodeEnvironment, HELPER_ENVIRONMENT, quoteWord } from "./environment.ts";
import { enterCommand } from "./namespace.ts";
import { groupOptions, setprivOptions, statusLines } from "./privileges.ts";
import { type ProcessIdentity, type ProcessStat, sendSignal, startedBy } from "./proc.ts";
import { setupShell } from "./spawn.ts";
import { findTool, searchPath, SYSTEM_PATH } from "./tools.ts";

/** Options that the caller of `exec` does not set. */
export interface RunExecOptions extends ExecOptions {
  /** Directory of all runs, where the scripts are. */
  root: string;
  /** The run's main process, whose mounts are entered. */
  main: ProcessStat;
  /** The leader of the run's namespace, if it has one. */
  leader?: ProcessIdentity;
  /** `cgroup.procs` files to join. */
  procs: string[];
  /** Rings when the run may have ended, and on abort. Disposed when the command has ended. */
  listener: Listener;
  /** Contains its pid while it runs, and afterwards if it ended with the run. */
  commands: Set<number>;
  /** Whether the run's main process has ended. The command ends with it. */
  isOver(): Promise<boolean>;
}

/**
 * The capabilities that nsenter needs to enter a view and to become another user. `no_new_privs` makes them
 * useless in the bounding set.
 */
const TO_ENTER = capabilitySet(["SYS_ADMIN", "SYS_CHROOT", "SETUID"], 0n);

type Output = { stream: "stdout" | "stderr"; data: Uint8Array };

/** Starts a command in a run that was launched by `launch`. */
export async function execInRun(launch: Launch, options: RunExecOptions): Promise<ExecSession> {
  const { main, root, env = {} } = options;
  checkVariables(env);
  const script = options.tty ? await searchPath("script", SYSTEM_PATH) : undefined;
  const size = options.size ?? { rows: 0, columns: 0 };
  const joined = [
    "/bin/sh",
    `${root}/join.sh`,
    script !== undefined ? "terminal" : options.stdin ? "pipe" : "none",
    `${size.rows}`,
    `${size.columns}`,
    launch.view === "shared" ? "0" : `${main.pid}`,
    `${main.startTime}`,
    ...options.procs,
    "--",
    ...await helpersOf(launch, { command: options.command, leader: options.leader }),
  ];
  const [program, ...args] = script === undefined
    ? joined
    : ["/bin/sh", `${root}/terminal.sh`, `exec ${joined.map(quoteWord).join(" ")}`];
  const child = new Deno.Command(program!, {
    args,
    env: HELPER_ENVIRONMENT,
    clearEnv: true,
    cwd: "/",
    detached: true,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  options.commands.add(child.pid);
  const header = child.stdin.getWriter();
  // The caller's input follows. If the command ended before it read that, its exit code says so.
  header.write(encodeEnvironment({ ...launch.env, ...env })).catch(() => {});
  const piped = options.stdin || script !== undefined;
  if (!piped) header.close().catch(() => {});
  header.releaseLock();

  const { readable, writable } = new TransformStream<Output, Output>();
  const exitCode = watch(child, { writable, piped, options });
  // A caller that reads only the output must not cause an unhandled rejection.
  exitCode.catch(() => {});
  return {
    output: readable,
    input: options.stdin ? child.stdin : refusingInput(),
    sizes: new WritableStream({
      async write(size) {
        if (script !== undefined) await resizeTerminal(child.pid, size).catch(() => {});
      },
    }),
    exitCode,
  };
}

/** Passes the output on until the command has ended, ends it on abort and with its run, and cleans up. */
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
      const isOver = await options.isOver();
      if (isOver) { for (const pid of startedBy(child.pid)) options.commands.add(pid); }
      if (options.signal.aborted || isOver) {
        sendSignal(-child.pid, "SIGKILL");
        return;
      }
      await listener.next();
    }
  })();
  try {
    // If the reader leaves, SIGPIPE ends the command, as in a shell pipeline.
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
    if (!await options.isOver()) options.commands.delete(child.pid);
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

/**
 * The programs between join.sh, which opens the view as descriptor 7, and the command. Each executes the
 * next.
 */
async function helpersOf(
  { view, privileges, workdir }: Launch,
  { command, leader }: { command: string[]; leader?: ProcessIdentity },
): Promise<string[]> {
  const { identity, capabilities = 0n, bounding = 0n } = privileges;
  const enter = view === "shared" ? [] : [await findTool("nsenter"), "--mount=/proc/self/fd/7"];
  const drops = identity !== undefined && identity.user !== 0;
  if (!drops || view === "shared") {
    // A user who may be root in the run is root on the host, so the contents of the view are theirs anyway.
    const options = setprivOptions(privileges);
    const drop = options.length === 0 ? [] : [await findTool("setpriv"), ...options, "--"];
    // nsenter forks to enter a namespace of process ids. The checked status is that of its parent, so both
    // have dropped their rights.
    const dropAndEnter = leader ? [...drop, ...enterCommand(leader)] : drop;
    return [
      ...enter.length === 0 ? [] : [...enter, "--"],
      ...dropAndEnter,
      ...setupShell({ status: statusLines(privileges), workdir, command }),
    ];
  }
  return [
    await findTool("setpriv"),
    "--no-new-privs",
    ...groupOptions(identity),
    "--inh-caps",
    setprivList(capabilities),
    "--ambient-caps",
    setprivList(capabilities),
    "--bounding-set",
    setprivList(bounding | TO_ENTER),
    // Granted capabilities survive the change of user only with this.
    ...capabilities === 0n ? [] : ["--securebits", "+no_setuid_fixup"],
    "--",
    ...enter,
    "--setuid",
    `${identity.user}`,
    "--",
    ...setupShell({ status: statusLines(privileges, TO_ENTER), workdir, command }),
  ];
}

/** Sets the size of script(1)'s terminal, which notifies its processes with SIGWINCH. */
async function resizeTerminal(scriptPid: number, size: TerminalSize): Promise<void> {
  try {
    const terminal = await terminalOf(scriptPid);
    if (terminal === undefined) return;
    await new Deno.Command(await findTool("stty"), {
      args: ["-F", terminal, "rows", `${size.rows}`, "cols", `${size.columns}`],
      env: HELPER_ENVIRONMENT,
      clearEnv: true,
      cwd: "/",
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).output();
  } catch (error) {
    // The command has ended in the meantime.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/**
 * The terminal that script(1) itself has open. The command chooses its own open files, so root must not open
 * their paths.
 */
async function terminalOf(scriptPid: number): Promise<string | undefined> {
  for await (const { name } of Deno.readDir(`/proc/${scriptPid}/fd`)) {
    const path = await Deno.readLink(`/proc/${scriptPid}/fd/${name}`).catch(() => "");
    if (/^\/dev\/pts\/\d+$/.test(path)) return path;
  }
  return undefined;
}
