import assert from "node:assert/strict";
import type { ExecOptions, ExecSession } from "../../../runners/runner.ts";
import type { ExecControl } from "../../../model/api.ts";
import { RuneError } from "../../../model/error.ts";
import { EXEC_WINDOW } from "../../../model/exec_protocol.ts";
import { type ExecTarget, serveExec } from "./exec_socket.ts";

/** Commands of a test, which its end waits for. */
const commands: Promise<unknown>[] = [];

/** A session of this machine's `cat`. */
function cat(signal: AbortSignal): ExecSession {
  const child = new Deno.Command("cat", { stdin: "piped", stdout: "piped", signal }).spawn();
  commands.push(child.status);
  const frames = new TransformStream<Uint8Array, { stream: "stdout"; data: Uint8Array }>({
    transform: (data, controller) => controller.enqueue({ stream: "stdout", data }),
  });
  return {
    output: child.stdout.pipeThrough(frames),
    input: child.stdin,
    sizes: new WritableStream(),
    exitCode: child.status.then(({ code }) => code),
  };
}

interface Served {
  socket: WebSocket;
  controls: ExecControl[];
  received: number;
  /** The last frame. */
  last: Promise<ExecControl>;
  over: Promise<void>;
}

/** Serves one socket, and returns its client. */
async function withSocket(
  target: Partial<ExecTarget>,
  test: (served: Served) => Promise<void>,
): Promise<void> {
  const over = Promise.withResolvers<void>();
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request);
    serveExec(socket, {
      start: ({ signal }: ExecOptions) => Promise.resolve(cat(signal)),
      shutdown: new AbortController().signal,
      requestId: "r",
      credit: true,
      ...target,
    }).then(over.resolve);
    return response;
  });
  const socket = new WebSocket(`ws://127.0.0.1:${server.addr.port}`);
  socket.binaryType = "arraybuffer";
  const last = Promise.withResolvers<ExecControl>();
  const closed = Promise.withResolvers<void>();
  const served: Served = { socket, controls: [], received: 0, last: last.promise, over: over.promise };
  socket.onmessage = ({ data }) => {
    if (data instanceof ArrayBuffer) return void (served.received += data.byteLength - 1);
    const control = JSON.parse(data) as ExecControl;
    served.controls.push(control);
    if (control.type === "exit" || control.type === "error") last.resolve(control);
  };
  socket.onclose = () => closed.resolve();
  try {
    await new Promise((resolve) => socket.onopen = resolve);
    await test(served);
  } finally {
    socket.close();
    await closed.promise;
    await over.promise;
    await server.shutdown();
    await Promise.all(commands.splice(0));
  }
}

const codeOf = (control: ExecControl) => control.type === "error" ? control.problem.code : control.type;
const start = JSON.stringify({ type: "start", command: ["cat"], stdin: true });
const data = (bytes: number) => new Uint8Array(bytes + 1);

/** Waits until something has arrived. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

Deno.test("serveExec() ends a socket that gets no start, even if it gets other frames", async () => {
  await withSocket({ startMs: 50 }, async ({ last, over }) => {
    assert.equal(codeOf(await last), "deadline_exceeded");
    await over;
  });
  await withSocket({ startMs: 50 }, async ({ socket, last }) => {
    socket.send('{"type":"eof"}');
    assert.equal(codeOf(await last), "invalid_argument");
  });
});

Deno.test("serveExec() sends no more output than was granted, and grants input as the command reads it", () =>
  withSocket({}, async (served) => {
    const { socket, controls } = served;
    socket.send(start);
    await until(() => controls.length > 0);
    assert.deepEqual(controls, [{ type: "credit", bytes: EXEC_WINDOW }]);
    socket.send('{"type":"credit","bytes":1000}');
    socket.send(data(EXEC_WINDOW / 2));
    await until(() => served.received === 1000);
    // cat has filled its pipes and its own buffer; its output waits there.
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.equal(served.received, 1000);
    socket.send(`{"type":"credit","bytes":${EXEC_WINDOW}}`);
    socket.send('{"type":"eof"}');
    assert.deepEqual(await served.last, { type: "exit", code: 0 });
    assert.equal(served.received, EXEC_WINDOW / 2);
    assert.ok(controls.filter((control) => control.type === "credit").length >= 2);
  }));

Deno.test("serveExec() ends a client that sends more than was granted while the command does not read", () =>
  withSocket({}, async ({ socket, last }) => {
    socket.send(start);
    for (let n = 0; n < 4; n++) socket.send(data(EXEC_WINDOW));
    assert.equal(codeOf(await last), "payload_too_large");
  }));

Deno.test("serveExec() refuses control frames that are too long, unknown or out of order", async () => {
  const cases: [frames: string[], code: string][] = [
    [["x".repeat(1024 * 1024 + 1)], "payload_too_large"],
    [[start, `{"type":"eof"${" ".repeat(2000)}}`], "payload_too_large"],
    [[start, start], "invalid_argument"],
    [[start, '{"type":"eof"}', '{"type":"eof"}'], "invalid_argument"],
    [['{"type":"credit","bytes":1}'], "invalid_argument"],
    [[start, '{"type":"credit","bytes":-1}'], "invalid_argument"],
    [[start, '{"type":"exit","code":0}'], "invalid_argument"],
    [["{}"], "invalid_argument"],
  ];
  for (const [frames, code] of cases) {
    await withSocket({}, async ({ socket, last }) => {
      frames.forEach((frame) => socket.send(frame));
      assert.equal(codeOf(await last), code, frames.at(-1)!.slice(0, 50));
    });
  }
});

Deno.test("serveExec() ends the session and its command when its run is replaced", async () => {
  let signal: AbortSignal | undefined;
  const start: ExecTarget["start"] = (options) => {
    signal = options.signal;
    setTimeout(() => options.onLost(new RuneError("failed_precondition", "web-0 was replaced")), 20);
    return Promise.resolve(cat(options.signal));
  };
  await withSocket({ start }, async ({ socket, last, over }) => {
    socket.send(JSON.stringify({ type: "start", command: ["cat"], stdin: true }));
    const control = await last;
    assert.match(control.type === "error" ? control.problem.detail : "", /was replaced/);
    await over;
    assert.equal(signal!.aborted, true);
  });
});
