/**
 * `exec` under load: input and output may be of any size and as slow as the other side likes. The daemon
 * passes them on and buffers almost nothing. A client that sends more than granted is disconnected.
 * @module
 */
import assert from "node:assert/strict";
import { ensureTestImage, TEST_IMAGE } from "../runners/docker/test_image.ts";
import { RUNE } from "../scripts/daemon.ts";
import type { ExecControl } from "../model/api.ts";
import { EXEC_PROTOCOL, EXEC_WINDOW } from "../model/exec_protocol.ts";
import { type Host, startHost } from "./host.ts";
import { noDocker, noRoot } from "./skips.ts";

const MIB = 1024 * 1024;
const SIZE = 200 * MIB;
/** How much the daemon may grow while 200 MiB pass: V8 collects garbage late. */
const GROWTH_MAX = 64 * MIB;

async function memoryOf({ daemon }: Host): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${daemon.pid}/status`);
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)![1]) * 1024;
}

/** Fails if the daemon grows by more than `max` during `work`. */
async function staysSmall(host: Host, work: () => Promise<void>, max = GROWTH_MAX): Promise<void> {
  const before = await memoryOf(host);
  let most = before;
  const look = setInterval(async () => most = Math.max(most, await memoryOf(host)), 20);
  try {
    await work();
  } finally {
    clearInterval(look);
  }
  const grown = Math.round((most - before) / MIB);
  console.log(`the daemon grew by ${grown} MiB`);
  assert.ok(most - before < max, `the daemon grew by ${grown} MiB`);
}

/** Runs a shell command in which `$EXEC` stands for `rune exec <service> --`. */
async function shell({ daemon }: Host, line: string, service: string): Promise<string> {
  const exec = [...RUNE, "exec", service, "--"].join(" ");
  const { code, stdout, stderr } = await new Deno.Command("sh", {
    args: ["-c", line.replaceAll("$EXEC", exec)],
    env: { ...daemon.env, NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  assert.equal(code, 0, text.decode(stderr));
  return text.decode(stdout);
}

interface Session {
  socket: WebSocket;
  last: Promise<ExecControl>;
  closed: Promise<void>;
}

/** A client that ignores the protocol's rules: the test decides which frames it sends. */
async function openSession({ daemon }: Host, service: string, protocols: string[]): Promise<Session> {
  const url = `${daemon.url.replace("http", "ws")}/v1/namespaces/default/services/${service}/exec`;
  const socket = new WebSocket(url, protocols);
  const last = Promise.withResolvers<ExecControl>();
  const closed = Promise.withResolvers<void>();
  socket.onmessage = ({ data }) => {
    if (typeof data !== "string") return;
    const control = JSON.parse(data) as ExecControl;
    if (control.type === "exit" || control.type === "error") last.resolve(control);
  };
  socket.onclose = () => {
    last.reject(new Error("the socket was closed without a last frame"));
    closed.resolve();
  };
  last.promise.catch(() => {});
  await new Promise((resolve) => socket.onopen = resolve);
  return { socket, last: last.promise, closed: closed.promise };
}

async function problemOf({ socket, last, closed }: Session): Promise<{ code: string; detail: string }> {
  const control = await last;
  assert.equal(control.type, "error", JSON.stringify(control));
  socket.close();
  await closed;
  return (control as Extract<ExecControl, { type: "error" }>).problem as { code: string; detail: string };
}

const start = (command: string[], stdin = true) => JSON.stringify({ type: "start", command, stdin });

/** A text frame as a client sends it: masked, here with zeros (RFC 6455, 5.2). */
function maskedText(text: string): Uint8Array {
  const bytes = new TextEncoder().encode(text);
  assert.ok(bytes.length < 126);
  return new Uint8Array([0x81, 0x80 | bytes.length, 0, 0, 0, 0, ...bytes]);
}

/** Starts a command over a bare connection and reads nothing after the handshake. */
async function startUnread({ daemon }: Host, service: string, command: string[]): Promise<Deno.TcpConn> {
  const { port } = new URL(daemon.url);
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
  const head = [
    `GET /v1/namespaces/default/services/${service}/exec HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    `Sec-WebSocket-Key: ${btoa("0123456789abcdef")}`,
  ];
  await conn.write(new TextEncoder().encode(head.join("\r\n") + "\r\n\r\n"));
  const answer = new Uint8Array(12);
  await conn.read(answer);
  assert.equal(new TextDecoder().decode(answer), "HTTP/1.1 101");
  await conn.write(maskedText(start(command, false)));
  return conn;
}

/** What is tried with each runner. */
const FLOWS: Record<string, (host: Host, service: string) => Promise<void>> = {
  "200 MiB go into a command that first reads nothing": (host, service) =>
    staysSmall(host, async () => {
      const out = await shell(host, `head -c ${SIZE} /dev/zero | $EXEC sh -c "sleep 2; wc -c"`, service);
      assert.equal(Number(out), SIZE);
    }),
  "200 MiB come out to a client that first reads nothing": (host, service) =>
    staysSmall(host, async () => {
      const out = await shell(host, `$EXEC head -c ${SIZE} /dev/zero | (sleep 1; wc -c)`, service);
      assert.equal(Number(out), SIZE);
    }),
  "a client that never reads makes the command wait": (host, service) =>
    staysSmall(host, async () => {
      const readers = await Promise.all(
        Array.from({ length: 8 }, () => startUnread(host, service, ["head", "-c", `${SIZE}`, "/dev/zero"])),
      );
      try {
        // The kernel accepts as much as it can within this time; without a limit the command would end by
        // then.
        await new Promise((resolve) => setTimeout(resolve, 3000));
        assert.equal((await host.run(["exec", service, "--", "true"])).code, 0);
      } finally {
        readers.forEach((reader) => reader.close());
      }
    }, 100 * MIB),
  "the end of the input ends the command's, and a command that reads nothing ends the session": async (
    host,
    service,
  ) => {
    assert.equal(await shell(host, "printf abc | $EXEC cat", service), "abc");
    assert.equal((await shell(host, `head -c ${20 * MIB} /dev/zero | $EXEC head -c 3`, service)).length, 3);
  },
  "a client of before credit works, and is ended when more waits than is kept": async (host, service) => {
    const small = await openSession(host, service, []);
    small.socket.send(start(["cat"]));
    small.socket.send(new Uint8Array([0, 97, 98]));
    small.socket.send('{"type":"eof"}');
    assert.deepEqual(await small.last, { type: "exit", code: 0 });
    small.socket.close();
    await small.closed;
    await staysSmall(host, async () => {
      const large = await openSession(host, service, []);
      large.socket.send(start(["sleep", "1000"]));
      for (let n = 0; n < 40; n++) large.socket.send(new Uint8Array(MIB));
      const { code, detail } = await problemOf(large);
      assert.equal(code, "payload_too_large", detail);
    }, 100 * MIB);
  },
};

async function castAll(host: Host, service: object): Promise<void> {
  await host.rune("cast", await host.file("s.yaml", JSON.stringify({ service })));
}

Deno.test({
  name: "exec passes any amount on, into and out of a process, in bounded memory",
  ignore: noRoot,
  async fn(t) {
    await using host = await startHost();
    await castAll(host, { name: "p", process: { command: "/bin/sleep", args: ["1000000"] } });
    for (const [name, flow] of Object.entries(FLOWS)) await t.step(name, () => flow(host, "p"));

    await t.step(
      "a client that sends more than granted is disconnected, in bounded memory",
      () =>
        staysSmall(host, async () => {
          const session = await openSession(host, "p", [EXEC_PROTOCOL]);
          session.socket.send(start(["sleep", "1000"]));
          for (let n = 0; n < 8; n++) session.socket.send(new Uint8Array(EXEC_WINDOW));
          assert.match((await problemOf(session)).detail, /faster than the command reads/);
        }),
    );
    await t.step(
      "long and malformed control frames end the session, in bounded memory",
      () =>
        staysSmall(host, async () => {
          for (const first of [undefined, start(["sleep", "1000"])]) {
            const session = await openSession(host, "p", [EXEC_PROTOCOL]);
            if (first) session.socket.send(first);
            for (let n = 0; n < 100; n++) session.socket.send("x".repeat(MIB));
            assert.match((await problemOf(session)).code, /payload_too_large|invalid_argument/);
          }
        }, 150 * MIB),
    );
    await t.step("any number of small control frames costs nothing", () =>
      staysSmall(host, async () => {
        const session = await openSession(host, "p", [EXEC_PROTOCOL]);
        session.socket.send(start(["cat"]));
        for (let n = 0; n < 50_000; n++) {
          session.socket.send('{"type":"resize","columns":80,"rows":24}');
          session.socket.send(new Uint8Array(1));
        }
        session.socket.send('{"type":"eof"}');
        assert.deepEqual(await session.last, { type: "exit", code: 0 });
        session.socket.close();
        await session.closed;
      }));
    await t.step("a socket that never starts is closed with the reason", async () => {
      const { code, detail } = await problemOf(await openSession(host, "p", [EXEC_PROTOCOL]));
      assert.equal(code, "deadline_exceeded", detail);
    });
    await t.step("one user has a limited number of sessions, and the refusal says so", async () => {
      const sessions: Session[] = [];
      try {
        for (let n = 0; n < 64; n++) sessions.push(await openSession(host, "p", [EXEC_PROTOCOL]));
        const more = await host.run(["exec", "p", "--", "true"]);
        assert.equal(more.code, 1);
        assert.match(more.stderr, /64 exec sessions open/);
      } finally {
        for (const { socket, closed } of sessions) {
          socket.close();
          await closed;
        }
      }
      assert.equal((await host.run(["exec", "p", "--", "true"])).code, 0);
    });
  },
});

Deno.test({
  name: "exec passes any amount on, into and out of a container, in bounded memory",
  ignore: noDocker || noRoot,
  async fn(t) {
    await ensureTestImage();
    await using host = await startHost();
    await castAll(host, { name: "c", image: TEST_IMAGE, command: ["/bin/sleep", "1000000"] });
    for (const [name, flow] of Object.entries(FLOWS)) await t.step(name, () => flow(host, "c"));
  },
});
