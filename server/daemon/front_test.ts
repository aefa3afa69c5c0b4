import assert from "node:assert/strict";
import { until } from "../../tests/host.ts";
import { serveFront } from "./front.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const GET = "GET / HTTP/1.1\r\nhost: localhost\r\n\r\n";

interface Room {
  port: number;
  url: string;
  /** Opens a connection and sends a text. */
  open(text?: string): Promise<Deno.TcpConn>;
}

async function withFront(
  limits: { total?: number; perAddress?: number; idleMs?: number },
  test: (room: Room) => Promise<void>,
): Promise<void> {
  const aborted = new AbortController();
  const ends = new AbortController();
  const server = serveFront({ hostname: "127.0.0.1", port: 0 }, {
    signal: aborted.signal,
    limits: { total: 100, perAddress: 100, idleMs: 60_000, ...limits },
    async handler(request) {
      const { pathname } = new URL(request.url);
      if (pathname === "/socket") {
        const { socket, response } = Deno.upgradeWebSocket(request);
        socket.onmessage = ({ data }) => socket.send(data);
        return response;
      }
      if (pathname === "/stream") {
        let gone = false;
        const start = (controller: ReadableStreamDefaultController<Uint8Array>) => {
          controller.enqueue(encode("first "));
          ends.signal.addEventListener("abort", () => {
            if (!gone) controller.close();
          });
        };
        return new Response(new ReadableStream({ start, cancel: () => void (gone = true) }));
      }
      return new Response(await request.text());
    },
  });
  const connections: Deno.TcpConn[] = [];
  const { port } = server;
  const open = async (text = "") => {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    connections.push(connection);
    if (text !== "") await connection.write(encode(text));
    return connection;
  };
  try {
    await test({ port, url: `http://127.0.0.1:${port}`, open });
  } finally {
    ends.abort();
    for (const connection of connections) connection.close();
    const late = setTimeout(() => aborted.abort(), 1_000);
    await server.shutdown();
    clearTimeout(late);
  }
}

/** Reads until the other side closes. */
async function readToEnd(connection: Deno.TcpConn): Promise<string> {
  const buffer = new Uint8Array(4096);
  let text = "";
  for (;;) {
    const n = await connection.read(buffer).catch(() => null);
    if (n === null) return text;
    text += new TextDecoder().decode(buffer.subarray(0, n));
  }
}

Deno.test("serveFront() closes idle connections: silent, with half a header, with slow headers, idle after an answer", () =>
  withFront({ idleMs: 300 }, async ({ open }) => {
    assert.equal(await readToEnd(await open()), "");
    await readToEnd(await open("GET / HTTP/1.1\r\nhost: localhost\r\n"));
    const dripping = await open("GET / HTTP/1.1\r\nhost: localhost\r\n");
    let ended = false;
    const drip = (async () => {
      while (!ended) {
        await dripping.write(encode("x-a: b\r\n")).catch(() => {});
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    })();
    await readToEnd(dripping);
    ended = true;
    await drip;
    assert.match(await readToEnd(await open(GET)), /^HTTP\/1\.1 200/);
  }));

Deno.test("serveFront() leaves silent streams and WebSockets open", () =>
  withFront({ idleMs: 100 }, async ({ url }) => {
    const socket = new WebSocket(`${url.replace("http", "ws")}/socket`);
    await new Promise((resolve) => socket.onopen = resolve);
    const stream = (await fetch(`${url}/stream`)).body!.getReader();
    assert.equal(new TextDecoder().decode((await stream.read()).value), "first ");
    await new Promise((resolve) => setTimeout(resolve, 400));
    const echo = new Promise((resolve) => socket.onmessage = ({ data }) => resolve(data));
    socket.send("still here");
    assert.equal(await echo, "still here");
    const closed = new Promise((resolve) => socket.onclose = resolve);
    socket.close();
    await closed;
    await stream.cancel();
  }));

Deno.test("serveFront() still answers while one client has every connection open", () =>
  withFront({ total: 8, perAddress: 8 }, async ({ open, url }) => {
    const held = await Promise.all(Array.from({ length: 40 }, () => open("GET / HTTP/1.1\r\n")));
    assert.equal(held.length, 40);
    for (let i = 0; i < 20; i++) {
      const answer = await fetch(url, { method: "POST", body: `${i}` });
      assert.equal(await answer.text(), `${i}`);
    }
  }));

Deno.test("serveFront() refuses one connection too many if all others are busy", () =>
  withFront({ total: 2, perAddress: 2 }, async ({ url, open }) => {
    const busy = await Promise.all([fetch(`${url}/stream`), fetch(`${url}/stream`)]);
    assert.equal(await readToEnd(await open(GET)), "");
    for (const answer of busy) await answer.body!.cancel();
    await until("room again", async () => {
      const connection = await open(GET.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n"));
      return /200/.test(await readToEnd(connection));
    });
  }));
