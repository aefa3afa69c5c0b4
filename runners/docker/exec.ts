/** Commands inside a running container: output, input with half-close, terminals, exit codes. @module */
import { z } from "zod";
import { writeAll } from "../../base/durable.ts";
import { RuneError } from "../../model/error.ts";
import type { ExecOptions, ExecSession } from "../runner.ts";
import { type Engine, transportError } from "./engine.ts";
import { decodeFrames, type Frame } from "./frames.ts";
import { pause } from "./pause.ts";
import { hangUp, upgrade, type Upgraded } from "./upgrade.ts";

const createdSchema = z.object({ Id: z.string() });
const execSchema = z.object({
  Running: z.boolean(),
  ExitCode: z.number().nullish(),
  Pid: z.number(),
  ContainerID: z.string(),
});

const CHUNK = 32 * 1024;
/** Milliseconds between looks at a command whose output ended and that is not gone yet. */
const POLL_MS = 20;
/** Milliseconds that clearing up after an abandoned command may take. */
const CLEAR_UP_MS = 5000;

/**
 * See {@linkcode import("../runner.ts").Runner.exec}.
 *
 * The Engine lets a command go on when its caller leaves; here it is killed, so that probes that time out do
 * not pile up.
 *
 * @throws {RuneError} `failed_precondition` when the container does not run.
 */
export async function execInContainer(
  engine: Engine,
  id: string,
  options: ExecOptions,
): Promise<ExecSession> {
  const { signal, tty, stdin } = options;
  const what = `run ${options.command[0]}`;
  const exec = await create(engine, id, options);
  const resize = (size: { columns: number; rows: number }) =>
    engine.send(`/exec/${exec}/resize`, {
      what: "resize the terminal",
      method: "POST",
      query: { h: String(size.rows), w: String(size.columns) },
      signal,
    });
  const connection = await upgrade(engine, `/exec/${exec}/start`, {
    what,
    // Engines before API 1.42 pass over the size; the request below is for them.
    body: {
      Detach: false,
      Tty: tty,
      ConsoleSize: tty && options.size ? [options.size.rows, options.size.columns] : undefined,
    },
    signal,
  }).catch(async (error) => {
    // It may have begun although nobody waited for it.
    if (signal.aborted) await kill(engine, exec);
    throw error;
  });
  const bytes = readBytes(connection, { signal, what, socket: engine.socket });
  const exitCode = bytes.ended.then(async (complete) => {
    if (!complete) await kill(engine, exec);
    return await codeOf(engine, exec, { what, signal });
  });
  // Whoever reads only the output learns of a failure there.
  exitCode.catch(() => undefined);
  if (tty && options.size) {
    // Fails where the command has ended already.
    await resize(options.size).catch(() => undefined);
  }
  return {
    output: tty ? bytes.stream.pipeThrough(asStdout()) : bytes.stream.pipeThrough(decodeFrames()),
    input: stdin ? inputOf(connection.conn) : noInput(),
    resize,
    exitCode,
  };
}

async function create(engine: Engine, id: string, options: ExecOptions): Promise<string> {
  const { tty, stdin, command, signal } = options;
  try {
    const exec = await engine.json(`/containers/${id}/exec`, {
      what: `run ${command[0]}`,
      schema: createdSchema,
      method: "POST",
      body: {
        AttachStdin: stdin,
        AttachStdout: true,
        AttachStderr: true,
        Tty: tty,
        Cmd: command,
        Env: Object.entries(options.env ?? {}).map(([name, value]) => `${name}=${value}`),
      },
      signal,
    });
    return exec.Id;
  } catch (error) {
    if (!(error instanceof RuneError) || error.code !== "conflict") throw error;
    throw new RuneError("failed_precondition", error.message, {
      cause: error,
      permanent: false,
      hint: "wait until the instance runs (rune get instances)",
    });
  }
}

/**
 * The connection's bytes; `ended` says whether they ended by themselves (true) or nobody wanted more (false).
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
    // A command that is gone needs no end of its input.
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

/** The exit code, waited for: the output may end a little before the command. */
async function codeOf(
  engine: Engine,
  exec: string,
  options: { what: string; signal: AbortSignal },
): Promise<number> {
  while (true) {
    const { Running, ExitCode } = await engine.json(`/exec/${exec}/json`, { ...options, schema: execSchema });
    if (!Running && typeof ExitCode === "number") return ExitCode;
    await pause(POLL_MS, options.signal);
  }
}

/** Kills the command and its process group, where this process may and the pid provably is the command's. */
async function kill(engine: Engine, exec: string): Promise<void> {
  const signal = AbortSignal.timeout(CLEAR_UP_MS);
  const look = () =>
    engine.json(`/exec/${exec}/json`, { what: "find an abandoned command", schema: execSchema, signal });
  try {
    let command = await look();
    // The first output may come before the Engine has noted the pid.
    while (command.Running && command.Pid === 0) {
      await pause(POLL_MS, signal);
      command = await look();
    }
    const { Running, Pid, ContainerID } = command;
    if (!Running || Pid <= 1) return;
    // The pid means something else where this process lives in another pid namespace than the Engine.
    const cgroup = await Deno.readTextFile(`/proc/${Pid}/cgroup`);
    if (cgroup.includes(ContainerID)) Deno.kill(-Pid, "SIGKILL");
  } catch {
    // The command outlives its caller then, as it does with Docker's own client.
  }
}
