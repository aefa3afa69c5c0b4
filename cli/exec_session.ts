/** The client's end of an exec: one WebSocket, the terminal on this side, a command on the other (spec/api.ts). @module */
import type { ExecControl } from "../spec/api.ts";
import { RuneError } from "../spec/error.ts";
import { problemError } from "./client.ts";
import type { Terminal } from "./terminal.ts";

/** Input that may wait in the socket before reading stops, in bytes. */
const MAX_BUFFERED = 256 * 1024;
const DRAIN_POLL_MS = 5;

/** Numbers of the streams in binary frames. */
const STDIN = 0;
const STDOUT = 1;

/** What is run, and how. */
export interface ExecRequest {
  command: string[];
  /** The command gets a terminal of its own; this one passes every key through. */
  tty: boolean;
  stdin: boolean;
  signal: AbortSignal;
}

/** The daemon refused the WebSocket; why, the protocol does not say. */
export class NotOpened extends RuneError {
  constructor(cause: unknown) {
    super("unavailable", "the daemon did not open a session", {
      hint: "look at its log, or try again",
      cause,
    });
  }
}

async function drained(socket: WebSocket): Promise<void> {
  while (socket.readyState === WebSocket.OPEN && socket.bufferedAmount > MAX_BUFFERED) {
    await new Promise((resolve) => setTimeout(resolve, DRAIN_POLL_MS));
  }
}

/** Sends standard input until it ends; then says so, so that the command sees its own input end. */
async function sendInput(socket: WebSocket, reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
  while (true) {
    const { done, value } = await reader.read();
    if (socket.readyState !== WebSocket.OPEN) return;
    if (done) return socket.send(JSON.stringify({ type: "eof" } satisfies ExecControl));
    const frame = new Uint8Array(value.length + 1);
    frame[0] = STDIN;
    frame.set(value, 1);
    socket.send(frame);
    await drained(socket);
  }
}

/** Keeps the size of the command's terminal that of this one. @returns what ends it. */
function followSize(socket: WebSocket, terminal: Terminal): () => void {
  const listener = () => {
    const size = terminal.size();
    if (size && socket.readyState === WebSocket.OPEN) {
      socket.send(JSON.stringify({ type: "resize", ...size } satisfies ExecControl));
    }
  };
  Deno.addSignalListener("SIGWINCH", listener);
  return () => Deno.removeSignalListener("SIGWINCH", listener);
}

/** Resolves with the exit code, rejects with what went wrong; output is written as it comes. */
function receive(socket: WebSocket, terminal: Terminal, request: ExecRequest): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const onAbort = () => reject(request.signal.reason);
  request.signal.addEventListener("abort", onAbort, { once: true });
  socket.onmessage = ({ data }) => {
    try {
      if (data instanceof ArrayBuffer) {
        const frame = new Uint8Array(data);
        const write = frame[0] === STDOUT ? terminal.out : terminal.err;
        return write(frame.subarray(1));
      }
      const control = JSON.parse(String(data)) as ExecControl;
      if (control.type === "exit") resolve(control.code);
      if (control.type === "error") reject(problemError(control.problem));
    } catch (error) {
      reject(error);
    }
  };
  socket.onclose = () => {
    reject(
      new RuneError("unavailable", "the connection broke while the command ran", {
        hint: "whether it finished is not known",
      }),
    );
  };
  return promise.finally(() => request.signal.removeEventListener("abort", onAbort));
}

function open(socket: WebSocket): Promise<WebSocket> {
  socket.binaryType = "arraybuffer";
  return new Promise((resolve, reject) => {
    socket.onopen = () => resolve(socket);
    socket.onerror = (event) => {
      reject(
        new NotOpened(event instanceof ErrorEvent ? event.error : undefined),
      );
    };
  });
}

async function closed(socket: WebSocket): Promise<void> {
  if (socket.readyState === WebSocket.CLOSED) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.onclose = () => resolve();
  socket.close();
  await promise;
}

/**
 * Runs a command, this terminal connected to it.
 *
 * @param opening the exec WebSocket, on its way.
 * @returns the command's exit code.
 * @throws {RuneError} the daemon's problem; `unavailable` when the connection cannot be had or breaks.
 */
export async function runExec(opening: WebSocket, terminal: Terminal, request: ExecRequest): Promise<number> {
  const { command, tty, stdin, signal } = request;
  const socket = await open(opening);
  const result = receive(socket, terminal, request);
  const size = tty ? terminal.size() : undefined;
  const start: ExecControl = { type: "start", command, tty, stdin, ...(size && { size }) };
  socket.send(JSON.stringify(start));
  const stopResizing = tty ? followSize(socket, terminal) : undefined;
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  try {
    if (tty) terminal.setRaw(true);
    signal.throwIfAborted();
    if (stdin) {
      reader = terminal.stdin.getReader();
      // The other end tells how the session ends; input that cannot be read only ends the input.
      sendInput(socket, reader).catch(() => {});
    }
    return await result;
  } finally {
    if (tty) terminal.setRaw(false);
    stopResizing?.();
    result.catch(() => {});
    // Not awaited: a read from a terminal ends only with the next key.
    reader?.cancel().catch(() => {});
    await closed(socket);
  }
}
