/**
 * The client's end of an exec: a WebSocket between this terminal and a remote command (model/api.ts). It
 * reads standard input only as far as the daemon has granted, and grants more output only after writing what
 * arrived.
 * @module
 */
import type { ExecControl } from "../../model/api.ts";
import { RuneError } from "../../model/error.ts";
import { EXEC_PROTOCOL, EXEC_WINDOW, TERMINAL_NAME } from "../../model/exec_protocol.ts";
import { problemError } from "./client.ts";
import type { Terminal } from "../terminal/terminal.ts";

/** How much input may wait in the socket before reading stops, in bytes. Only for daemons without credit. */
const MAX_BUFFERED = 256 * 1024;
const DRAIN_POLL_MS = 5;
/** Output is granted in chunks of this many bytes, to save frames. */
const GRANT = EXEC_WINDOW / 4;

/** Stream numbers in binary frames. */
const STDIN = 0;
const STDOUT = 1;

/** The command to run, and how. */
export interface ExecRequest {
  command: string[];
  /** Whether the command gets its own terminal; this one then passes every key through. */
  tty: boolean;
  stdin: boolean;
  signal: AbortSignal;
}

/** The daemon refused the WebSocket; the protocol does not say why. */
export class NotOpened extends RuneError {
  constructor(cause: unknown) {
    super("unavailable", "the daemon did not open a session", {
      hint: "check its log, or try again",
      cause,
    });
  }
}

const send = (socket: WebSocket, control: ExecControl) => {
  if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(control));
};

/** How many bytes may be sent. */
interface Credit {
  /** Resolves to the number of bytes that may be sent now, once it is not zero. */
  some(): Promise<number>;
  spend(bytes: number): void;
  add(bytes: number): void;
}

/** The credit that the daemon has granted. */
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

/** For daemons without credit: as much as the socket accepts. */
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

/** Sends standard input to its end, then says so, so that the command sees end of file. */
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

/** Keeps the command's terminal as large as this one. @returns a function that stops it. */
function followSize(socket: WebSocket, terminal: Terminal): () => void {
  const listener = () => {
    const size = terminal.size();
    if (size) send(socket, { type: "resize", ...size });
  };
  Deno.addSignalListener("SIGWINCH", listener);
  return () => Deno.removeSignalListener("SIGWINCH", listener);
}

/** Writes output in order. Resolves with the exit code, or rejects with the failure. */
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
      hint: "it is unknown whether the command finished",
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
 * Runs a command, connected to this terminal.
 *
 * @param opening the exec WebSocket, still opening.
 * @returns the command's exit code.
 * @throws {RuneError} the daemon's problem; `unavailable` if the connection fails.
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
      // The other end decides how the session ends. Unreadable input only ends the input.
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
