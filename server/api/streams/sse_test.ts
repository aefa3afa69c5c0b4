import assert from "node:assert/strict";
import { RuneError } from "../../../model/error.ts";
import { eventStream, type ServerSentEvent } from "./sse.ts";

const never = new AbortController().signal;

/** A source that counts its events and records its end. */
function counter() {
  const state = { taken: 0, ended: false };
  const source = async function* (): AsyncGenerator<ServerSentEvent> {
    try {
      for (;;) yield { event: "n", id: String(state.taken), data: state.taken++ };
    } finally {
      state.ended = true;
    }
  };
  return { state, source };
}

Deno.test("eventStream() reads from its source only what the client reads, and ends it when the client disconnects", async () => {
  const { state, source } = counter();
  const reader = eventStream(source, { shutdown: never, requestId: "r" }).body!.getReader();
  const read = async () => new TextDecoder().decode((await reader.read()).value);
  assert.equal(await read(), ": open\n\n");
  assert.equal(await read(), "event: n\nid: 0\ndata: 0\n\n");
  assert.ok(state.taken <= 3, `${state.taken} were taken`);
  await reader.cancel();
  assert.equal(state.ended, true);
});

Deno.test("eventStream() does not hold up other work while a client reads thousands of events", async () => {
  const { source } = counter();
  const reader = eventStream(source, { shutdown: never, requestId: "r" }).body!.getReader();
  let fired = false;
  setTimeout(() => fired = true, 0);
  const deadline = performance.now() + 60_000;
  while (!fired && performance.now() < deadline) await reader.read();
  assert.ok(fired, "a timer fires while events are read");
  await reader.cancel();
});

Deno.test("eventStream() sends comments while its source is silent, and stops waiting at shutdown", async () => {
  const shutdown = new AbortController();
  // deno-lint-ignore require-yield -- it is silent
  const waitInSilence = async function* (signal: AbortSignal): AsyncGenerator<ServerSentEvent> {
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
  };
  const reader = eventStream(waitInSilence, { shutdown: shutdown.signal, requestId: "r", heartbeatMs: 1 })
    .body!
    .pipeThrough(new TextDecoderStream()).getReader();
  await reader.read();
  assert.equal((await reader.read()).value, ": keep-alive\n\n");
  shutdown.abort();
  while (!(await reader.read()).done);
});

Deno.test("eventStream() reports a failure of its source as the last event", async () => {
  // deno-lint-ignore require-yield -- it fails before it yields
  const failAtOnce = async function* (): AsyncGenerator<ServerSentEvent> {
    throw new RuneError("gone", "too slow");
  };
  const text = await eventStream(failAtOnce, { shutdown: never, requestId: "r" }).text();
  assert.match(text, /event: problem\ndata: .*"code":"gone".*"requestId":"r"/);
});
