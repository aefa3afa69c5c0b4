import assert from "node:assert/strict";
import { z } from "zod";
import { writeAll } from "../../base/durable.ts";
import { RuneError } from "../../model/error.ts";
import { createEngine, type Engine, negotiate, unlessAbsent } from "./engine.ts";
import { makeRefusal, withFakeEngine } from "./test_engine.ts";

const signal = () => AbortSignal.timeout(10_000);

Deno.test("negotiate() takes the older of the two newest versions, and refuses one that is too old", () => {
  assert.equal(negotiate("1.41"), "1.41");
  assert.equal(negotiate("1.47"), "1.47");
  assert.equal(negotiate("1.100"), "1.47");
  assert.throws(() => negotiate("1.39"), { code: "unavailable" });
});

Deno.test("createEngine() translates each status once, with the Engine's sentence", async () => {
  const codes = {
    400: "invalid_argument",
    403: "permission_denied",
    404: "not_found",
    409: "conflict",
    500: "internal",
    503: "unavailable",
  };
  for (const [status, code] of Object.entries(codes)) {
    await withFakeEngine(() => makeRefusal(Number(status), "the reason"), async (engine) => {
      await assert.rejects(engine.send("/x", { what: "do it", signal: signal() }), (error) => {
        assert.ok(error instanceof RuneError);
        assert.equal(error.code, code);
        assert.equal(error.message, "cannot do it: the reason");
        return true;
      });
    });
  }
});

Deno.test("createEngine() throws unavailable if no Engine listens", async () => {
  const engine = createEngine("/nonexistent/docker.sock");
  try {
    await assert.rejects(engine.send("/x", { what: "do it", signal: signal() }), (error) => {
      assert.ok(error instanceof RuneError);
      assert.equal(error.code, "unavailable");
      assert.match(error.message, /docker\.sock/);
      assert.ok(error.hint);
      return true;
    });
  } finally {
    engine.close();
  }
});

Deno.test("createEngine() throws deadline_exceeded if the signal aborts before the answer", async () => {
  const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
  const { promise: answer, resolve: finish } = Promise.withResolvers<Response>();
  await withFakeEngine(() => (ask(), answer), async (engine) => {
    const abort = new AbortController();
    const call = engine.send("/x", { what: "do it", signal: abort.signal });
    await asked;
    abort.abort();
    await assert.rejects(call, { code: "deadline_exceeded" });
    finish(new Response("late"));
  });
});

Deno.test("json() throws internal if the answer has another form", async () => {
  await withFakeEngine(() => Response.json({ other: 1 }), async (engine) => {
    const schema = z.object({ Id: z.string() });
    await assert.rejects(engine.json("/x", { what: "do it", schema, signal: signal() }), {
      code: "internal",
    });
  });
});

/** An Engine that answers each request with these bytes and keeps the connection open. */
async function withRawEngine(
  says: (request: number) => string | undefined,
  test: (engine: Engine, closed: () => number) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  const listener = Deno.listen({ transport: "unix", path: `${folder}/engine.sock` });
  let requests = 0;
  let closed = 0;
  const serve = async (conn: Deno.UnixConn) => {
    try {
      for (const buffer = new Uint8Array(4096); await conn.read(buffer) !== null;) {
        const isPing = new TextDecoder().decode(buffer).startsWith("GET /_ping");
        const text = isPing ? PONG : says(requests++);
        if (text !== undefined) await writeAll(conn, new TextEncoder().encode(text));
      }
    } catch {
      // The client closed the connection early.
    }
    closed++;
    conn.close();
  };
  const serving: Promise<void>[] = [];
  const accepting = (async () => {
    for await (const conn of listener) serving.push(serve(conn));
  })();
  const engine = createEngine(`${folder}/engine.sock`);
  try {
    await test(engine, () => closed);
  } finally {
    engine.close();
    listener.close();
    await accepting;
    await Promise.all(serving);
    await Deno.remove(folder, { recursive: true });
  }
}

const PONG = "HTTP/1.1 200 OK\r\napi-version: 1.41\r\ncontent-length: 2\r\n\r\nOK";
const answer = (body: string) => `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
const CHUNKED = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
const numbers = { what: "do it", schema: z.array(z.number()) };

/** Answers that never end, each in a different way. */
const ENDLESS: Record<string, string | undefined> = {
  "nothing at all": undefined,
  "half a head": "HTTP/1.1 200 OK\r\ncontent-le",
  "a body shorter than it says": "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n[1,",
  "chunks without a last one": `${CHUNKED}3\r\n[1]\r\n`,
  "only that another answer follows": "HTTP/1.1 100 Continue\r\n\r\n",
};
for (const [what, text] of Object.entries(ENDLESS)) {
  Deno.test(`createEngine() waits no longer than the request's time limit for ${what}`, () =>
    withRawEngine(() => text, async (engine, closed) => {
      const began = performance.now();
      await assert.rejects(engine.json("/x", { ...numbers, signal: signal(), withinMs: 200 }), (error) => {
        assert.ok(error instanceof RuneError);
        assert.equal(error.code, "unavailable");
        assert.match(error.message, /takes requests and has not answered/);
        return true;
      });
      const abort = new AbortController();
      const call = engine.json("/x", { ...numbers, signal: abort.signal });
      setTimeout(() => abort.abort(), 50);
      await assert.rejects(call, { code: "deadline_exceeded" });
      assert.ok(performance.now() - began < 5_000);
      while (closed() < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    }));
}

Deno.test("createEngine() gives up a stream that is silent for too long", () =>
  withRawEngine(() => `${CHUNKED}2\r\nab\r\n`, async (engine) => {
    const response = await engine.request("/x", { what: "do it", signal: signal(), idleMs: 100 });
    const reader = response.body!.getReader();
    assert.equal((await reader.read()).value?.length, 2);
    await assert.rejects(reader.read(), { code: "unavailable" });
  }));

const BAD: Record<string, string> = {
  "no HTTP": "hello\r\n\r\n",
  "a length that is no number": "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
  "a chunk without a length": `${CHUNKED}zz\r\n`,
  "a chunk that is longer than it says": `${CHUNKED}1\r\n[1]\r\n0\r\n\r\n`,
  "a head without end": `HTTP/1.1 200 OK\r\nx: ${"x".repeat(70_000)}`,
  "a body without end": `${CHUNKED}5000000\r\n${"1".repeat(0x5000000)}`,
};
for (const [what, text] of Object.entries(BAD)) {
  Deno.test(`createEngine() refuses ${what}`, () =>
    withRawEngine(() => text, async (engine) => {
      await assert.rejects(engine.json("/x", { ...numbers, signal: signal() }), { code: "unavailable" });
    }));
}

Deno.test("createEngine() reuses a connection, and opens another one if the Engine closed it", async () => {
  const connections = new Set<string>();
  await withFakeEngine(({ path }) => {
    connections.add(path);
    return Response.json([1]);
  }, async (engine) => {
    for (let i = 0; i < 3; i++) {
      assert.deepEqual(await engine.json(`/${i}`, { ...numbers, signal: signal() }), [1]);
    }
    assert.equal(connections.size, 3);
  });
  await withRawEngine(() => answer("[2]"), async (engine, closed) => {
    for (let i = 0; i < 3; i++) {
      assert.deepEqual(await engine.json("/x", { ...numbers, signal: signal() }), [2]);
    }
    assert.equal(closed(), 0, "one connection served them all");
    engine.drop();
    assert.deepEqual(await engine.json("/x", { ...numbers, signal: signal() }), [2]);
  });
});

Deno.test("createEngine() refuses to send line breaks", () =>
  withRawEngine(() => answer("[1]"), async (engine) => {
    const headers = { "x-registry-auth": "a\r\nhost: b" };
    await assert.rejects(engine.json("/x", { ...numbers, signal: signal(), headers }));
    await assert.rejects(engine.json("/x HTTP/1.1\r\n", { ...numbers, signal: signal() }));
  }));

Deno.test("a guard's failure is always unavailable, so that it does not look like an answer", () =>
  withFakeEngine(
    ({ path }) => path === "/x" ? Response.json([1]) : makeRefusal(404, "no such thing"),
    async (_, socket) => {
      const guarded = createEngine(socket, {
        refuseKnown: () => {},
        prove: async (ask, limit) => {
          await ask.send("/proof", { what: "prove it", signal: limit });
          return true;
        },
      });
      try {
        await assert.rejects(unlessAbsent(guarded.json("/x", { ...numbers, signal: signal() })), {
          code: "unavailable",
        });
      } finally {
        guarded.close();
      }
    },
  ));
