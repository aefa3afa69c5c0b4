/**
 * Starts the wrapper of a run (see records.ts for how it becomes, or does not become, the run) and takes its
 * process to the point where it becomes the command:
 *
 * 1. The wrapper claims the run and starts the helpers. They give it its own view of mounts, then the rights
 *    of the run's user.
 * 2. Its process identifies itself while it is still root's alone, and `waiting` once it has verified its
 *    rights. Both come through one pipe, in that order, so its user can forge nothing.
 * 3. The daemon makes the mounts in its view, writes down its pid, and hands it the environment of the
 *    command.
 * 4. It says `ready` and becomes the command.
 *
 * If either side dies on the way, it closes a pipe that the other reads, so a run with an unfinished set-up
 * ends.
 * @module
 */
import { RuneError } from "../../model/error.ts";
import type { RunMount } from "../runner.ts";
import { encodeEnvironment, HELPER_ENVIRONMENT } from "./environment.ts";
import type { Launch } from "./launch.ts";
import { type LinePipe, readLines } from "./line_pipe.ts";
import { namespaceCommand } from "./namespace.ts";
import { setprivOptions, statusLines } from "./privileges.ts";
import { parseStat } from "./proc.ts";
import type { RunFiles } from "./records.ts";
import { findTool } from "./tools.ts";
import { makeView } from "./view.ts";

/** Options of starting a run. */
export interface SpawnOptions {
  /** Directory of all runs. */
  root: string;
  daemonId: string;
  /** Whether the run gets its own namespace. Default: no. */
  inNamespace?: boolean;
  launch: Launch;
  /** `cgroup.procs` files that the wrapper joins. */
  procs: string[];
  /** The mounts of its view, which mount_points.ts has checked. */
  mounts: RunMount[];
  /** The daemon's own directories. */
  closed?: readonly string[];
  signal: AbortSignal;
}

/**
 * Spawns a wrapper in a session of its own, as nobody's child, and returns when its command runs, when it
 * ended before, or when another wrapper has the claim: runs are watched the same way whether this daemon or
 * an earlier one started them, and none is a handle to keep open. Why a run's set-up failed is in its `error`
 * file.
 *
 * @throws {RuneError} `unavailable` when no process can be made, `deadline_exceeded` on abort; the run ends
 * then.
 */
export async function spawnWrapper(files: RunFiles, options: SpawnOptions): Promise<void> {
  const { root, daemonId, inNamespace = false, launch, procs, mounts, closed = [], signal } = options;
  const helpers = await helpersOf(launch);
  const wrapper = ["/bin/sh", `${root}/wrapper.sh`, files.name, daemonId, ...procs, "--", ...helpers];
  const child = new Deno.Command(await findTool("setsid"), {
    args: ["--fork", ...inNamespace ? namespaceCommand(wrapper) : wrapper],
    cwd: files.dir,
    env: HELPER_ENVIRONMENT,
    clearEnv: true,
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const writer = child.stdin.getWriter();
  const lines = readLines(child.stdout, signal);
  // A process that is stopped, or hangs in a mount, is not waited for past the caller's time.
  const { promise: givenUp, resolve: giveUp } = Promise.withResolvers<void>();
  signal.addEventListener("abort", () => giveUp(), { once: true });
  if (signal.aborted) giveUp();
  const inTime = (work: Promise<void>) => Promise.race([work, givenUp]);
  try {
    const { code } = await child.status;
    if (code !== 0) {
      throw new RuneError("unavailable", `no process could be made for run ${files.name}`, {
        hint: "look for limits on processes and memory of this host",
      });
    }
    await inTime(setUp(files, { launch, mounts, closed, lines, writer, signal }));
  } finally {
    await inTime(writer.close().catch(() => {}));
    await lines.cancel();
    giveUp();
  }
  if (!signal.aborted) return;
  throw new RuneError("deadline_exceeded", "the call was given up before the process was started", {
    hint: "try again",
    cause: signal.reason,
  });
}

interface SetUp {
  launch: Launch;
  mounts: RunMount[];
  closed: readonly string[];
  lines: LinePipe;
  writer: WritableStreamDefaultWriter<Uint8Array>;
  signal: AbortSignal;
}

/** Steps 2 to 4 of the module comment. */
async function setUp(
  files: RunFiles,
  { launch, mounts, closed, lines, writer, signal }: SetUp,
): Promise<void> {
  const stat = await lines.next();
  if (stat === undefined || await lines.next() !== "waiting") return;
  // A process that has ended in the meantime has closed the pipe, and the caller sees its end.
  const say = (data: Uint8Array) => writer.write(data).catch(() => {});
  const process = parseStat(stat);
  try {
    const readOnly = launch.view === "readonly";
    if (launch.view !== "shared") await makeView(process, { mounts, readOnly, closed, signal });
    await Deno.writeTextFile(`${files.signals}.ready`, `${process.pid}\n`, { mode: 0o600 });
  } catch (error) {
    if (signal.aborted) return;
    // On a full disk the reason may not fit either. The exit code needs no space.
    await Deno.writeTextFile(`${files.dir}/error`, `${(error as Error).message}\n`, { append: true })
      .catch(() => {});
    await say(new TextEncoder().encode("failed\n"));
    // Waits for its end: the wrapper has recorded the exit code.
    await lines.next();
    return;
  }
  // Complaints of a helper did not make it fail, and say nothing about how the command will end.
  await Deno.truncate(`${files.dir}/error`).catch(() => {});
  await say(encodeEnvironment(launch.env));
  // `ready`, or the end of the pipe.
  await lines.next();
}

/** The programs between the wrapper and the command. Each executes the next. */
async function helpersOf({ view, privileges, workdir, command }: Launch): Promise<string[]> {
  const options = setprivOptions(privileges);
  return [
    // Slave, so that a volume unmounted on the host goes away here too instead of being kept busy; a
    // read-only view must not receive a mount that is made, writable, later.
    ...view === "shared" ? [] : [
      await findTool("unshare"),
      "--mount",
      "--propagation",
      view === "readonly" ? "private" : "slave",
      "--",
    ],
    ...options.length === 0 ? [] : [await findTool("setpriv"), ...options, "--"],
    ...setupShell({ status: statusLines(privileges), workdir, command }),
  ];
}

/** The shell that becomes the command; setup.sh documents its arguments. */
export function setupShell(
  { status, workdir, command }: { status: string[]; workdir: string; command: string[] },
): string[] {
  return ["/bin/sh", "-s", "rune-setup", workdir, ...status, "--", ...command];
}
