/**
 * Runs one command over one WebSocket (protocol: `execControlSchema`). Text frames are control messages.
 * Binary frames are data; their first byte is the stream. A WebSocket has no backpressure, so each side may
 * only send as many bytes as the other has granted. This bounds the memory of a session.
 * @module
 */
import { startTimer, type Timer } from "../../../base/delay.ts";
import type { ExecOptions, ExecSession, TerminalSize } from "../../../runners/runner.ts";
import { type ExecControl, execControlSchema } from "../../../model/api.ts";
import { RuneError } from "../../../model/error.ts";
import { EXEC_WINDOW } from "../../../model/exec_protocol.ts";
import { ExecInput } from "./exec_input.ts";
import { toProblem } from "../../http/problem.ts";

/** The other end of a socket. */
export interface ExecTarget {
  /**
   * Starts the command in the current run, if the caller still has the right to.
   *
   * @param options.onLost called when the run is replaced.
   * @throws {RuneError} if there is no run, or if the caller lacks the right.
   */
  start(options: ExecOptions & { onLost: (reason: RuneError) => void }): Promise<ExecSession>;
  /** Aborts when the daemon stops or, with a RuneError as the reason, when the right to exec ends. */
  shutdown: AbortSignal;
  requestId: string;
  /** Whether the client honours and grants credit. */
  credit: boolean;
  /** How long the client may take to send `start`, in milliseconds. Default: 10 s. */
  startMs?: number;
}

/** How much output may wait in the socket before the command has to wait. */
const MAX_BUFFERED_OUTPUT = EXEC_WINDOW;
/**
 * How much input may wait for the command if the client does not honour credit. Such a client cannot be
 * slowed, only cut off.
 */
const WINDOW_WITHOUT_CREDIT = 1024 * 1024;
/** The most characters of a `start`, which contains the command, and of any other control frame. */
const MAX_START = 1024 * 1024;
const MAX_CONTROL = 1024;
/** Credit is granted in steps of this many bytes, so that each is worth a frame. */
const GRANT = EXEC_WINDOW / 4;
const START_MS = 10_000;
/** How often a full socket is polled: the API has no event for it. */
const DRAIN_POLL_MS = 5;

/**
 * How long the client may take to close after the last frame. If the daemon closed first, unread frames could
 * be lost.
 */
const LINGER_MS = 2000;

const STREAMS = { stdout: 1, stderr: 2 } as const;

const inputError = (message: string) => new RuneError("invalid_argument", message);

function readControl(text: string, { started }: { started: boolean }): ExecControl {
  const max = started ? MAX_CONTROL : MAX_START;
  if (text.length > max) {
    throw new RuneError("payload_too_large", `a control frame is longer than ${max} characters`, {
      hint: "pass long data to the command through its input or a file",
    });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  const result = execControlSchema.safeParse(value);
  if (result.success) return result.data;
  throw new RuneError("invalid_argument", "a text frame is not a control message", {
    hint: 'send {"type": "start", "command": ["sh"]} first; then eof, resize or credit',
  });
}

/** Calls `apply` with the latest value, one call at a time; values in between are skipped. */
function latestOnly<T>(apply: (value: T) => Promise<void>): (value: T) => void {
  let next: { value: T } | undefined;
  let working = false;
  return async (value) => {
    next = { value };
    if (working) return;
    working = true;
    for (let now; (now = next) !== undefined;) {
      next = undefined;
      await apply(now.value).catch(() => {});
    }
    working = false;
  };
}

/**
 * Serves an upgraded socket until the command, the client or the daemon ends the session.
 *
 * @returns a promise that resolves when the session is cleaned up.
 */
export function serveExec(socket: WebSocket, target: ExecTarget): Promise<void> {
  const { start, shutdown, requestId, credit, startMs = START_MS } = target;
  const { promise: over, resolve: end } = Promise.withResolvers<void>();
  const gone = new AbortController();
  let input: ExecInput | undefined;
  let starting: Promise<ExecSession> | undefined;
  let sizes: WritableStreamDefaultWriter<TerminalSize> | undefined;
  /** Bytes of input that the command has read and that were not yet granted to the client again. */
  let owed = 0;
  /** Bytes of output that the client has granted. */
  let granted = credit ? 0 : Infinity;
  let onGrant = () => {};
  let linger: Timer | undefined;

  const send = (control: ExecControl) => {
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(control));
  };
  const stop = () => {
    late.clear();
    shutdown.removeEventListener("abort", onShutdown);
    gone.abort();
    input?.abandon();
    onGrant();
    end();
  };
  const finish = (last: ExecControl, lingerMs = LINGER_MS) => {
    send(last);
    stop();
    linger ??= startTimer(lingerMs, () => {
      if (socket.readyState <= WebSocket.OPEN) socket.close(1000);
    });
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
  const late = startTimer(startMs, () =>
    fail(
      new RuneError("deadline_exceeded", `the client sent no "start" in ${startMs / 1000} s`, {
        hint: "send it as the first frame",
      }),
    ));

  async function begin(
    { command, tty, stdin, size, term = "xterm" }: Extract<ExecControl, { type: "start" }>,
  ) {
    if (stdin) {
      const window = credit ? EXEC_WINDOW : WINDOW_WITHOUT_CREDIT;
      input = new ExecInput({ window, onTaken: grant });
      if (credit) send({ type: "credit", bytes: EXEC_WINDOW });
    }
    starting = start({
      command,
      tty,
      stdin,
      ...(size && { size }),
      ...(tty && { env: { TERM: term } }),
      signal: gone.signal,
      onLost: fail,
    });
    const session = await starting;
    if (input) input.connect(session.input);
    else await session.input.close().catch(() => {});
    await pump(session);
  }

  function grant(bytes: number): void {
    owed += bytes;
    if (!credit || owed < GRANT) return;
    send({ type: "credit", bytes: owed });
    owed = 0;
  }

  async function pump({ output, exitCode }: ExecSession): Promise<void> {
    for await (const { stream, data } of output) {
      for (let rest = data; rest.length > 0;) {
        while ((granted === 0 || socket.bufferedAmount > MAX_BUFFERED_OUTPUT) && !gone.signal.aborted) {
          if (granted === 0) await new Promise<void>((resolve) => onGrant = resolve);
          else await new Promise((resolve) => setTimeout(resolve, DRAIN_POLL_MS));
        }
        if (gone.signal.aborted) return;
        const part = rest.subarray(0, granted);
        const frame = new Uint8Array(part.length + 1);
        frame[0] = STREAMS[stream];
        frame.set(part, 1);
        socket.send(frame);
        granted -= part.length;
        rest = rest.subarray(part.length);
      }
    }
    const code = await exitCode;
    if (!gone.signal.aborted) finish({ type: "exit", code });
  }

  const resize = latestOnly(async (size: TerminalSize) => {
    const session = await starting;
    sizes ??= session?.sizes.getWriter();
    if (!gone.signal.aborted) await sizes?.write(size);
  });

  function receive(data: unknown): void {
    if (data instanceof ArrayBuffer) {
      const frame = new Uint8Array(data);
      if (!input || input.ended || frame[0] !== 0) {
        throw inputError("a binary frame came before start, after eof, or is not input");
      }
      if (input.push(frame.subarray(1))) return;
      throw new RuneError("payload_too_large", "the client sent input faster than the command reads it", {
        hint: credit
          ? "send no more than the daemon has granted"
          : "this client is older than the daemon and cannot be slowed down: update it (rune version)",
      });
    }
    const control = readControl(String(data), { started: starting !== undefined });
    if (control.type === "start" && !starting) {
      late.clear();
      begin(control).catch(fail);
    } else if (control.type === "eof" && input && !input.ended) input.end();
    else if (control.type === "resize" && starting) resize({ columns: control.columns, rows: control.rows });
    else if (control.type === "credit" && credit && starting) {
      granted += control.bytes;
      onGrant();
    } else throw inputError(`a frame "${control.type}" is not expected here`);
  }

  socket.binaryType = "arraybuffer";
  socket.onmessage = ({ data }) => {
    if (gone.signal.aborted) return;
    try {
      receive(data);
    } catch (error) {
      fail(error);
    }
  };
  socket.onclose = () => {
    stop();
    linger?.clear();
  };
  // A close event follows. The cause is the network.
  socket.onerror = () => {};
  if (shutdown.aborted) onShutdown();
  else shutdown.addEventListener("abort", onShutdown, { once: true });
  return over;
}
