import assert from "node:assert/strict";
import { RuneError } from "../../model/error.ts";
import { readEvents, type ServerEvent } from "./sse.ts";

async function eventsOf(...chunks: (string | Uint8Array)[]): Promise<ServerEvent[]> {
  const bytes = chunks.map((c) => typeof c === "string" ? new TextEncoder().encode(c) : c);
  return await Array.fromAsync(readEvents(ReadableStream.from(bytes), { idleMs: 1000 }));
}

Deno.test("readEvents() reads the fields of events and skips comments", async () => {
  assert.deepEqual(await eventsOf(": open\n\nevent: put\nid: 7\ndata: {}\n\ndata:a\ndata: b\n\n"), [
    { event: "put", id: "7", data: "{}" },
    { event: "message", data: "a\nb" },
  ]);
});

Deno.test("readEvents() joins chunks that are cut anywhere, even in a CRLF or a character", async () => {
  const whole = new TextEncoder().encode("event: line\r\ndata: grün\r\n\r\ndata: x\n\n");
  const expected = [{ event: "line", data: "grün" }, { event: "message", data: "x" }];
  for (let cut = 1; cut < whole.length; cut++) {
    assert.deepEqual(await eventsOf(whole.slice(0, cut), whole.slice(cut)), expected, `cut at ${cut}`);
  }
});

Deno.test("readEvents() drops an event that the end of the stream cut off", async () => {
  assert.deepEqual(await eventsOf("data: whole\n\ndata: half\n"), [{ event: "message", data: "whole" }]);
});

Deno.test("readEvents() takes a long silence for a broken connection", async () => {
  let cancelled = false;
  const silent = new ReadableStream<Uint8Array>({ cancel: () => void (cancelled = true) });
  await assert.rejects(
    readEvents(silent, { idleMs: 10 }).next(),
    (error) => error instanceof RuneError && error.code === "unavailable",
  );
  assert.ok(cancelled);
});
