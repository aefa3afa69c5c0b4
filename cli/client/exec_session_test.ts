import assert from "node:assert/strict";
import type { ExecControl } from "../../model/api.ts";
import { EXEC_PROTOCOL, EXEC_WINDOW } from "../../model/exec_protocol.ts";
import { withDaemon } from "../daemon_fixture.ts";
import { runExec } from "./exec_session.ts";
import { type FakeTerminal, fakeTerminal } from "../terminal_fixture.ts";

/** What a fake daemon does in one session. */
type Script = (message: ExecControl | Uint8Array, socket: WebSocket) => void;

const send = (socket: WebSocket, control: ExecControl) => socket.send(JSON.stringify(control));
const output = (stream: number, text: string) => new Uint8Array([stream, ...new TextEncoder().encode(text)]);

async function execWith(
  script: Script,
  terminal: FakeTerminal,
  signal?: AbortSignal,
  protocol?: string,
): Promise<number> {
  let code = -1;
  await withDaemon((request) => {
    const { socket, response } = Deno.upgradeWebSocket(request, protocol ? { protocol } : {});
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) =>
      script(data instanceof ArrayBuffer ? new Uint8Array(data) : JSON.parse(data), socket);
    return response;
  }, async (server) => {
    code = await runExec(
      new WebSocket(`${server.replace("http", "ws")}/exec`, protocol ? [protocol] : []),
      terminal,
      {
        command: ["cat"],
        tty: false,
        stdin: true,
        signal: signal ?? new AbortController().signal,
      },
    );
  });
  return code;
}

Deno.test("runExec() sends input and its end, writes both outputs, and returns the exit code", async () => {
  const terminal = fakeTerminal({ stdin: "hello" });
  let input = "";
  const code = await execWith((message, socket) => {
    if (message instanceof Uint8Array) {
      assert.equal(message[0], 0);
      input += new TextDecoder().decode(message.subarray(1));
    } else if (message.type === "start") {
      assert.deepEqual(message, { type: "start", command: ["cat"], tty: false, stdin: true });
    } else if (message.type === "eof") {
      socket.send(output(1, input.toUpperCase()));
      socket.send(output(2, "done"));
      send(socket, { type: "exit", code: 7 });
      socket.close();
    }
  }, terminal);
  assert.equal(code, 7);
  assert.equal(terminal.stdout(), "HELLO");
  assert.equal(terminal.stderr(), "done");
});

Deno.test("runExec() throws the problem that the daemon sends", async () => {
  const problem = { type: "", title: "", status: 409, detail: "it is stopped", code: "conflict" } as const;
  const script: Script = (_, socket) => send(socket, { type: "error", problem });
  await assert.rejects(execWith(script, fakeTerminal()), { code: "conflict", message: "it is stopped" });
});

Deno.test("runExec() reports a connection that breaks before the command ends", async () => {
  await assert.rejects(execWith((_, socket) => socket.close(), fakeTerminal()), { code: "unavailable" });
});

Deno.test("runExec() ends when its signal aborts, even while the command runs", async () => {
  const stop = new AbortController();
  const script: Script = () => stop.abort(new Error("interrupted"));
  await assert.rejects(execWith(script, fakeTerminal(), stop.signal), /interrupted/);
});

Deno.test("runExec() sends no more input than was granted, and grants output when it is written", async () => {
  const size = 3 * EXEC_WINDOW;
  const terminal = fakeTerminal({ stdin: "x".repeat(size) });
  let [received, granted, output] = [0, 0, 0];
  const script: Script = (message, socket) => {
    const grant = (bytes: number) => {
      granted += bytes;
      send(socket, { type: "credit", bytes });
    };
    if (message instanceof Uint8Array) {
      received += message.length - 1;
      assert.ok(received <= granted, `${received} bytes came, ${granted} were granted`);
      if (received === granted) setTimeout(() => grant(Math.min(100_000, size - received) || 1), 1);
      return;
    }
    if (message.type === "start") grant(1000);
    if (message.type === "credit") {
      output += message.bytes;
      // As much as was granted, twice, and then the end.
      if (output <= 2 * EXEC_WINDOW) socket.send(new Uint8Array(message.bytes + 1).fill(1));
    }
    if (message.type === "eof") {
      send(socket, { type: "exit", code: 0 });
      socket.close();
    }
  };
  assert.equal(await execWith(script, terminal, undefined, EXEC_PROTOCOL), 0);
  assert.equal(received, size);
  assert.ok(terminal.stdout().length >= EXEC_WINDOW && output > EXEC_WINDOW, String(output));
});
