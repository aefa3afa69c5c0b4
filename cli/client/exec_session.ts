/**
 * The client's end of an exec: one WebSocket, the terminal on this side, a command on the other
 * (model/api.ts). Standard input is read only as far as the daemon has granted, and more output is granted
 * only when what came is written.
 * @module
 */
import type { ExecControl } from "../../model/api.ts";
import { RuneError } from "../../model/error.ts";
import { EXEC_PROTOCOL, EXEC_WINDOW, TERMINAL_NAME } from "../../model/exec_protocol.ts";
import { problemError } from "./client.ts";
import type { Terminal } from "../terminal/terminal.ts";

/** Input that may wait in the socket before reading stops, in bytes; for daemons that grant nothing. */
const MAX_BUFFERED = 256 * 1024;
const DRAIN_POLL_MS = 5;
/** Output is granted in parts of this many bytes, so that each is worth its frame. */
const GRANT = EXEC_WINDOW / 4;

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

const send = (socket: WebSocket, control: ExecControl) => {
  if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(control));
};

/** Bytes that may be sent. */
interface Credit {
  /** Resolves to how many bytes may be sent now, once there are some. */
  some(): Promise<number>;
  spend(bytes: number): void;
  add(bytes: number): void;
}

/** What the daemon has granted. */
function grantedCredit(): Credit {
  let left = 0;
  let wake = () => {};
  return {
    async some() {
      while (left === 0) await new Promise<void>((resolve) => wake = resolve);
      return left;
    },
    spend: (bytes) => void (left -= bytes),
    add(bytes) {
      left += bytes;
      wake();
    },
  };
}

/** For a daemon that is older than credit: as much as the socket takes. */
function unlimitedCredit(socket: WebSocket): Credit {
  return {
    async some() {
      while (socket.readyState === WebSocket.OPEN && socket.bufferedAmount > MAX_BUFFERED) {
        await new Promise((resolve) => setTimeout(resolve, DRAIN_POLL_MS));
      }
      return Infinity;
    },
    spend() {},
    add() {},
  };
}

/** Sends standard input until it ends; then says so, so that the command sees its own input end. */
async function sendInput(
  socket: WebSocket,
  { reader, credit }: { reader: ReadableStreamDefaultReader<Uint8Array>; credit: Credit },
): Promise<void> {
  while (true) {
    await credit.some();
    const { done, value } = await reader.read();
    if (socket.readyState !== WebSocket.OPEN) return;
    if (done) return send(socket, { type: "eof" });
    for (let rest = value; rest.length > 0;) {
      const part = rest.subarray(0, await credit.some());
      const frame = new Uint8Array(part.length + 1);
      frame[0] = STDIN;
      frame.set(part, 1);
      if (socket.readyState !== WebSocket.OPEN) return;
      socket.send(frame);
      credit.spend(part.length);
      rest = rest.subarray(part.length);
    }
  }
}

/** Keeps the size of the command's terminal that of this one. @returns what ends it. */
function followSize(socket: WebSocket, terminal: Terminal): () => void {
  const listener = () => {
    const size = terminal.size();
    if (size) send(socket, { type: "resize", ...size });
  };
  Deno.addSignalListener("SIGWINCH", listener);
  return () => Deno.removeSignalListener("SIGWINCH", listener);
}

/**
 * Resolves with the exit code, rejects with what went wrong; output is written in the order in which it
 * comes.
 */
function receive(
  socket: WebSocket,
  { terminal, request, credit }: { terminal: Terminal; request: ExecRequest; credit: Credit },
): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const onAbort = () => reject(request.signal.reason);
  request.signal.addEventListener("abort", onAbort, { once: true });
  const grants = socket.protocol === EXEC_PROTOCOL;
  let written: Promise<void> = Promise.resolve();
  let owed = 0;

  async function write(frame: Uint8Array): Promise<void> {
    const bytes = frame.subarray(1);
    await terminal.write(frame[0] === STDOUT ? "out" : "err", bytes);
    owed += bytes.length;
    if (!grants || owed < GRANT) return;
    send(socket, { type: "credit", bytes: owed });
    owed = 0;
  }

  function take(data: unknown): void {
    if (data instanceof ArrayBuffer) {
      written = written.then(() => write(new Uint8Array(data)));
      written.catch(reject);
      return;
    }
    const control = JSON.parse(String(data)) as ExecControl;
    if (control.type === "credit") credit.add(control.bytes);
    if (control.type === "exit") written.then(() => resolve(control.code), reject);
    if (control.type === "error") written.then(() => reject(problemError(control.problem)), reject);
  }

  socket.onmessage = ({ data }) => {
    try {
      take(data);
    } catch (error) {
      reject(error);
    }
  };
  socket.onclose = () => {
    const broken = new RuneError("unavailable", "the connection broke while the command ran", {
      hint: "whether it finished is not known",
    });
    written.then(() => reject(broken), reject);
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

async function waitForClose(socket: WebSocket): Promise<void> {
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
  const granted = socket.protocol === EXEC_PROTOCOL;
  const credit = granted ? grantedCredit() : unlimitedCredit(socket);
  const result = receive(socket, { terminal, request, credit });
  const size = tty ? terminal.size() : undefined;
  const term = tty ? terminal.env("TERM") ?? "" : "";
  send(socket, {
    type: "start",
    command,
    tty,
    stdin,
    ...(size && { size }),
    ...(TERMINAL_NAME.test(term) && { term }),
  });
  if (granted) send(socket, { type: "credit", bytes: EXEC_WINDOW });
  const stopResizing = tty ? followSize(socket, terminal) : undefined;
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  try {
    if (tty) terminal.setRaw(true);
    signal.throwIfAborted();
    if (stdin) {
      reader = terminal.stdin.getReader();
      // The other end tells how the session ends; input that cannot be read only ends the input.
      sendInput(socket, { reader, credit }).catch(() => {});
    }
    return await result;
  } finally {
    if (tty) terminal.setRaw(false);
    stopResizing?.();
    result.catch(() => {});
    // Not awaited: a read from a terminal ends only with the next key.
    reader?.cancel().catch(() => {});
    await waitForClose(socket);
  }
}
