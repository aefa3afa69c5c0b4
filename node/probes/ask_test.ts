import { sleep } from "../../base/delay.ts";
import assert from "node:assert/strict";
import type { Runner } from "../../runners/runner.ts";
import { type Probe, probeSchema } from "../../model/health.ts";
import { askProbe, type ProbeTarget } from "./ask.ts";

const encode = (text: string) => new TextEncoder().encode(text);

/** Handles a connection after a request. It need not close what it opens. */
type Manner = (connection: Deno.TcpConn, ended: AbortSignal) => Promise<void>;

const pause = (ms: number, signal: AbortSignal) => sleep(ms, { signal }).catch(() => {});

/** Writes a piece at a time, forever. */
const drip = (head: string, piece: string): Manner => async (connection, ended) => {
  await connection.write(encode(head));
  while (!ended.aborted) {
    await connection.write(encode(piece));
    await pause(20, ended);
  }
};
const hold = (text: string): Manner => async (connection, ended) => {
  if (text !== "") await connection.write(encode(text));
  await pause(60_000, ended);
};

/** Misbehaving servers. */
const MANNERS: Record<string, { manner: Manner; says: RegExp }> = {
  "101 and silence": {
    manner: hold("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n"),
    says: /HTTP 101|no answer|without an answer|socket hang up/,
  },
  "100 and silence": { manner: hold("HTTP/1.1 100 Continue\r\n\r\n"), says: /no answer/ },
  silence: { manner: hold(""), says: /no answer/ },
  "half a status line": { manner: hold("HTTP/1.1 2"), says: /no answer/ },
  "headers without end": { manner: hold("HTTP/1.1 200 OK\r\nx-a: b\r\n"), says: /no answer/ },
  "headers that drip": { manner: drip("HTTP/1.1 200 OK\r\n", "x-a: b\r\n"), says: /no answer|header/i },
  "a long header": {
    manner: drip("HTTP/1.1 200 OK\r\nx-a: ", "a".repeat(64 * 1024)),
    says: /no answer|header|parse/i,
  },
  "a closed half": {
    async manner(connection, ended) {
      await connection.closeWrite();
      await pause(60_000, ended);
    },
    says: /no answer|without an answer|socket hang up|closed|reset/i,
  },
};

async function withManner(
  manner: Manner,
  test: (target: ProbeTarget, port: number) => Promise<void>,
): Promise<void> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const ended = new AbortController();
  const served: Promise<void>[] = [];
  const serving = (async () => {
    for await (const connection of listener) {
      served.push((async () => {
        try {
          await connection.read(new Uint8Array(4096));
          await manner(connection, ended.signal);
        } catch {
          // The other side has closed the connection, as it should.
        } finally {
          connection.close();
        }
      })());
    }
  })();
  try {
    const { port } = listener.addr;
    const ref = { instanceUid: "u", run: 1 };
    await test({ ref, runner: {} as Runner, host: "127.0.0.1", portOf: () => port }, port);
  } finally {
    ended.abort();
    listener.close();
    await serving;
    await Promise.all(served);
  }
}

const http = (fields: Record<string, unknown> = {}): Probe =>
  probeSchema.parse({ type: "http", port: 1, timeoutSeconds: 1, ...fields });

for (const [name, { manner, says }] of Object.entries(MANNERS)) {
  Deno.test(`askProbe() ends in time when a server answers with ${name}`, () =>
    withManner(manner, async (target) => {
      const began = performance.now();
      const answer = await askProbe(http(), target, new AbortController().signal);
      const took = performance.now() - began;
      assert.equal(answer?.ok, false);
      assert.match(answer.message, says);
      assert.ok(took < 5_000, `${took} ms`);
    }));

  Deno.test(`askProbe() ends at once when it is stopped while a server answers with ${name}`, () =>
    withManner(manner, async (target) => {
      const stop = new AbortController();
      const asking = askProbe(http({ timeoutSeconds: 600 }), target, stop.signal);
      const timer = setTimeout(() => stop.abort(), 50);
      await asking;
      clearTimeout(timer);
    }));
}

Deno.test("askProbe() reads no body, so an endless one is an answer at once", () =>
  withManner(drip("HTTP/1.1 200 OK\r\n\r\n", "a".repeat(64 * 1024)), async (target) => {
    const began = performance.now();
    const answer = await askProbe(http({ timeoutSeconds: 30 }), target, new AbortController().signal);
    assert.deepEqual(answer, { ok: true, message: "HTTP 200" });
    assert.ok(performance.now() - began < 10_000);
  }));

Deno.test("askProbe() ends in time when a handshake or a command never ends", () =>
  withManner(hold(""), async (target) => {
    const signal = new AbortController().signal;
    const secure = await askProbe(http({ scheme: "https" }), target, signal);
    assert.deepEqual([secure?.ok, secure?.late], [false, true]);
    // A runner that ignores its signal.
    const runner = { exec: () => new Promise<never>(() => {}) } as unknown as Runner;
    const command = probeSchema.parse({ type: "exec", command: ["x"], timeoutSeconds: 1 });
    const answer = await askProbe(command, { ...target, runner }, signal);
    assert.deepEqual([answer?.ok, answer?.late], [false, true]);
  }));
