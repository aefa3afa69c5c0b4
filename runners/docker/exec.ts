/** Runs commands inside a container: output, input with half-close, terminals, exit codes. @module */
import { z } from "zod";
import { writeAll } from "../../base/durable.ts";
import { RuneError } from "../../model/error.ts";
import type { ExecOptions, ExecSession, TerminalSize } from "../runner.ts";
import { type Engine, transportError } from "./engine.ts";
import { explainRefusedExec, readStatus } from "./exec_refusal.ts";
import { hasEnded, isBeingStarted, readExec } from "./exec_state.ts";
import { decodeFrames, type Frame } from "./frames.ts";
import { sleepQuietly } from "./busy.ts";
import type { PauseLock } from "./pause_lock.ts";
import { hangUp, upgrade, type Upgraded } from "./upgrade.ts";

const createdSchema = z.object({ Id: z.string() });

const CHUNK = 32 * 1024;
/** Milliseconds between checks on a command whose output has ended but which still runs. */
const POLL_MS = 20;
/**
 * Milliseconds between the first checks on a command that the Engine is about to start, and between later
 * ones.
 */
const START_FIRST_MS = 2;
const START_MOST_MS = 100;
/** How many milliseconds the cleanup after an abandoned command may take. */
const CLEAR_UP_MS = 5000;

/** A command that the Engine has started, or is starting. */
interface StartedExec {
  exec: string;
  connection: Upgraded;
}

/**
 * See {@linkcode import("../runner.ts").Runner.exec}.
 *
 * The Engine lets a command continue when its caller leaves. Rune kills it, so that probes that time out do
 * not pile up.
 *
 * @param options.lock keeps the start separate from pauses of the container.
 * @throws {RuneError} `failed_precondition` when the container does not run, or is paused.
 */
export async function execInContainer(
  engine: Engine,
  id: string,
  options: ExecOptions & { lock: PauseLock },
): Promise<ExecSession> {
  const { signal, tty, stdin, lock } = options;
  const what = `run ${options.command[0]}`;
  const { exec, connection } = await lock(id, {
    what,
    signal,
    work: (limit) => startExec(engine, id, { ...options, what, limit }),
    onLate: (started) => void abandon(engine, started),
  });
  const resize = (size: TerminalSize) =>
    engine.send(`/exec/${exec}/resize`, {
      what: "resize the terminal",
      method: "POST",
      query: { h: String(size.rows), w: String(size.columns) },
      signal,
    });
  const bytes = readBytes(connection, { signal, what, socket: engine.socket });
  const exitCode = bytes.ended.then(async (complete) => {
    if (!complete) await kill(engine, exec);
    return await codeOf(engine, exec, { what, signal });
  });
  // A caller that reads only the output learns of a failure there.
  exitCode.catch(() => undefined);
  if (tty && options.size) {
    // Fails if the command has already ended.
    await resize(options.size).catch(() => undefined);
  }
  return {
    output: tty ? bytes.stream.pipeThrough(asStdout()) : bytes.stream.pipeThrough(decodeFrames()),
    input: stdin ? inputOf(connection.conn) : noInput(),
    sizes: new WritableStream({ write: async (size) => void await resize(size).catch(() => {}) }),
    exitCode,
  };
}

/**
 * Starts a command, and returns as soon as the Engine's state shows the start, so that a pause can see it.
 */
async function startExec(
  engine: Engine,
  id: string,
  options: ExecOptions & { what: string; limit: AbortSignal },
): Promise<StartedExec> {
  const { what, tty, size, signal, limit } = options;
  try {
    const exec = await createExec(engine, id, options);
    const connection = await upgrade(engine, `/exec/${exec}/start`, {
      what,
      // Engines before API 1.42 ignore the size here, so a separate request sets it.
      body: { Detach: false, Tty: tty, ConsoleSize: tty && size ? [size.rows, size.columns] : undefined },
      signal: limit,
    });
    const started = { exec, connection };
    try {
      await awaitStart(engine, { exec, id }, { what, limit });
    } catch (error) {
      await abandon(engine, started);
      throw error;
    }
    return started;
  } catch (error) {
    throw signal.aborted ? error : await explainRefusedExec(engine, id, { error, what, signal });
  }
}

async function createExec(
  engine: Engine,
  id: string,
  { tty, stdin, command, env, what, signal }: ExecOptions & { what: string },
): Promise<string> {
  const exec = await engine.json(`/containers/${id}/exec`, {
    what,
    schema: createdSchema,
    method: "POST",
    body: {
      AttachStdin: stdin,
      AttachStdout: true,
      AttachStderr: true,
      Tty: tty,
      Cmd: command,
      Env: Object.entries(env ?? {}).map(([name, value]) => `${name}=${value}`),
    },
    signal,
  });
  return exec.Id;
}

/**
 * Waits until the start is visible, because the Engine returns the connection before it starts the command.
 */
async function awaitStart(
  engine: Engine,
  { exec, id }: { exec: string; id: string },
  { what, limit }: { what: string; limit: AbortSignal },
): Promise<void> {
  for (let waitMs = START_FIRST_MS;; waitMs = Math.min(2 * waitMs, START_MOST_MS)) {
    const state = await readExec(engine, exec, { what, signal: limit });
    if (state?.Running || (state && hasEnded(state))) return;
    if (!state || (waitMs === START_MOST_MS && await readStatus(engine, id, limit) !== "running")) {
      throw new RuneError("conflict", `cannot ${what}: the container does not run any more`);
    }
    await sleepQuietly(waitMs, limit);
  }
}

/** Ends a command that nobody waits for. */
async function abandon(engine: Engine, { exec, connection }: StartedExec): Promise<void> {
  hangUp(connection.conn);
  await kill(engine, exec);
}

/**
 * Streams the connection's bytes; `ended` is true if they ended by themselves, false if the reader cancelled.
 */
function readBytes(
  { conn, first }: Upgraded,
  context: { signal: AbortSignal; what: string; socket: string },
): { stream: ReadableStream<Uint8Array>; ended: Promise<boolean> } {
  const { signal } = context;
  const { promise: ended, resolve } = Promise.withResolvers<boolean>();
  const finish = (complete: boolean) => {
    signal.removeEventListener("abort", abandon);
    hangUp(conn);
    resolve(complete);
  };
  const abandon = () => finish(false);
  signal.addEventListener("abort", abandon);
  if (signal.aborted) abandon();
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      if (first.length > 0) controller.enqueue(first);
    },
    async pull(controller) {
      const chunk = new Uint8Array(CHUNK);
      try {
        const size = await conn.read(chunk);
        if (size !== null) return controller.enqueue(chunk.subarray(0, size));
        controller.close();
        finish(true);
      } catch (error) {
        finish(false);
        throw transportError(error, context);
      }
    },
    cancel: abandon,
  });
  return { stream, ended };
}

function asStdout(): TransformStream<Uint8Array, Frame> {
  return new TransformStream({
    transform: (data, controller) => controller.enqueue({ stream: "stdout", data }),
  });
}

function inputOf(conn: Deno.UnixConn): WritableStream<Uint8Array> {
  return new WritableStream({
    async write(bytes) {
      try {
        await writeAll(conn, bytes);
      } catch (cause) {
        throw new RuneError("failed_precondition", "the command reads no more input", {
          cause,
          hint: "it ended",
        });
      }
    },
    // A command that has ended does not need the end of its input.
    close: () => conn.closeWrite().catch(() => undefined),
  });
}

function noInput(): WritableStream<Uint8Array> {
  return new WritableStream({
    write() {
      throw new RuneError("failed_precondition", "the command was started without standard input", {
        hint: "ask for it: stdin true",
      });
    },
  });
}

/** Waits for the exit code, because the output may end a little before the command. */
async function codeOf(
  engine: Engine,
  exec: string,
  options: { what: string; signal: AbortSignal },
): Promise<number> {
  while (true) {
    const state = await readExec(engine, exec, options);
    if (!state) {
      throw new RuneError("unavailable", `cannot ${options.what}: Docker no longer knows the command`, {
        hint: "its container was removed while the command ran",
      });
    }
    if (hasEnded(state)) return state.ExitCode!;
    await sleepQuietly(POLL_MS, options.signal);
  }
}

/** Kills the command and its process group, if this process may and the pid certainly is the command's. */
async function kill(engine: Engine, exec: string): Promise<void> {
  const signal = AbortSignal.timeout(CLEAR_UP_MS);
  const look = () => readExec(engine, exec, { what: "find an abandoned command", signal });
  try {
    let command = await look();
    // The first output may arrive before the Engine has recorded the pid.
    while (command && isBeingStarted(command)) {
      await sleepQuietly(POLL_MS, signal);
      command = await look();
    }
    if (!command?.Running || command.Pid <= 1) return;
    const { Pid, ContainerID } = command;
    // The pid has another meaning if this process is in another pid namespace than the Engine.
    const cgroup = await Deno.readTextFile(`/proc/${Pid}/cgroup`);
    if (cgroup.includes(ContainerID)) Deno.kill(-Pid, "SIGKILL");
  } catch {
    // The command then outlives its caller, as with Docker's own client.
  }
}
