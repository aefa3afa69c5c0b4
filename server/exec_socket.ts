/**
 * One command over one WebSocket (protocol: `execControlSchema`). Text frames control; binary frames are data, their first
 * byte the stream.
 * @module
 */
import type { ExecOptions, ExecSession } from "../runners/runner.ts";
import { type ExecControl, execControlSchema } from "../spec/api.ts";
import { RuneError } from "../spec/error.ts";
import { toProblem } from "./problem.ts";

/** What a socket is connected to. */
export interface ExecTarget {
  /** Starts the command. @throws {RuneError} when there is nothing to run it in. */
  start(options: ExecOptions): Promise<ExecSession>;
  /** Aborted when the daemon stops; with a RuneError as the reason, when the right to this ends. */
  shutdown: AbortSignal;
  requestId: string;
}

/** Output that may wait in the socket before the command is made to wait. */
const MAX_BUFFERED_OUTPUT = 1024 * 1024;
/** Input that may wait for the command; a WebSocket cannot be told to slow down, so more than this ends the session. */
const MAX_BUFFERED_INPUT = 64 * 1024 * 1024;
/** How often a full socket is looked at: the API has no event for it. */
const DRAIN_POLL_MS = 5;

/** What the client is given to close after the last frame: closing first could cut it off from frames it has not read. */
const LINGER_MS = 2000;

const STREAMS = { stdout: 1, stderr: 2 } as const;

function readControl(text: string): ExecControl {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  const result = execControlSchema.safeParse(value);
  if (result.success) return result.data;
  throw new RuneError("invalid_argument", "a text frame is not a control message", {
    hint: 'send {"type": "start", "command": ["sh"]} first; then eof or resize',
  });
}

/** Serves an upgraded socket until the command, the client or the daemon ends. */
export function serveExec(socket: WebSocket, { start, shutdown, requestId }: ExecTarget): void {
  const gone = new AbortController();
  let session: ExecSession | undefined;
  let input: WritableStreamDefaultWriter<Uint8Array> | undefined;
  let waitingInput = 0;
  let linger: ReturnType<typeof setTimeout> | undefined;
  let work: Promise<void> = Promise.resolve();

  const send = (control: ExecControl) => {
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(control));
  };
  const finish = (last: ExecControl, lingerMs = LINGER_MS) => {
    send(last);
    gone.abort();
    linger ??= setTimeout(() => socket.readyState <= WebSocket.OPEN && socket.close(1000), lingerMs);
  };
  const fail = (error: unknown, lingerMs?: number) => {
    if (!gone.signal.aborted) finish({ type: "error", problem: toProblem(error, requestId) }, lingerMs);
  };
  const onShutdown = () =>
    fail(
      shutdown.reason instanceof RuneError
        ? shutdown.reason
        : new RuneError("unavailable", "the daemon is shutting down"),
      0,
    );

  async function begin(control: Extract<ExecControl, { type: "start" }>): Promise<void> {
    const { command, tty, stdin, size } = control;
    session = await start({ command, tty, stdin, ...(size && { size }), signal: gone.signal });
    input = session.input.getWriter();
    // A command that closes its input early is no failure of the session.
    input.closed.catch(() => {});
    if (!stdin) await input.close().catch(() => {});
    pump(session).catch((error) => fail(error));
  }

  async function pump({ output, exitCode }: ExecSession): Promise<void> {
    for await (const { stream, data } of output) {
      const frame = new Uint8Array(data.length + 1);
      frame[0] = STREAMS[stream];
      frame.set(data, 1);
      while (socket.bufferedAmount > MAX_BUFFERED_OUTPUT && !gone.signal.aborted) {
        await new Promise((resolve) => setTimeout(resolve, DRAIN_POLL_MS));
      }
      if (gone.signal.aborted) return;
      socket.send(frame);
    }
    finish({ type: "exit", code: await exitCode });
  }

  async function receive(data: unknown): Promise<void> {
    if (data instanceof ArrayBuffer) {
      const frame = new Uint8Array(data);
      if (!input || frame[0] !== 0) {
        throw new RuneError("invalid_argument", "a binary frame came before start, or is not input");
      }
      return await input.write(frame.subarray(1)).catch(() => {});
    }
    const control = readControl(String(data));
    if (control.type === "start" && !session) return await begin(control);
    if (control.type === "eof" && input) return await input.close().catch(() => {});
    if (control.type === "resize" && session) {
      return await session.resize({ columns: control.columns, rows: control.rows });
    }
    throw new RuneError("invalid_argument", `a frame "${control.type}" is not expected here`);
  }

  socket.binaryType = "arraybuffer";
  socket.onmessage = ({ data }) => {
    const size = data instanceof ArrayBuffer ? data.byteLength : 0;
    waitingInput += size;
    if (waitingInput > MAX_BUFFERED_INPUT) {
      return fail(
        new RuneError("payload_too_large", "the command does not read its input as fast as it comes"),
      );
    }
    work = work.then(() => gone.signal.aborted ? undefined : receive(data))
      .catch((error) => fail(error))
      .finally(() => waitingInput -= size);
  };
  socket.onclose = () => {
    gone.abort();
    clearTimeout(linger);
    shutdown.removeEventListener("abort", onShutdown);
  };
  // A close event follows; the reason is the network's.
  socket.onerror = () => {};
  shutdown.addEventListener("abort", onShutdown, { once: true });
}
