import assert from "node:assert/strict";
import { z } from "zod";
import { RuneError } from "../../spec/error.ts";
import { createEngine, negotiate } from "./engine.ts";
import { refusal, withFakeEngine } from "./test_engine.ts";

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
    await withFakeEngine(() => refusal(Number(status), "the reason"), async (engine) => {
      await assert.rejects(engine.send("/x", { what: "do it", signal: signal() }), (error) => {
        assert.ok(error instanceof RuneError);
        assert.equal(error.code, code);
        assert.equal(error.message, "cannot do it: the reason");
        return true;
      });
    });
  }
});

Deno.test("createEngine() says unavailable where no Engine listens", async () => {
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

Deno.test("createEngine() says deadline_exceeded when the signal aborts while the Engine thinks", async () => {
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

Deno.test("json() says internal when the answer has another form", async () => {
  await withFakeEngine(() => Response.json({ other: 1 }), async (engine) => {
    const schema = z.object({ Id: z.string() });
    await assert.rejects(engine.json("/x", { what: "do it", schema, signal: signal() }), {
      code: "internal",
    });
  });
});
