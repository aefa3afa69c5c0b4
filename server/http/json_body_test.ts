import assert from "node:assert/strict";
import { BodyRoom, readJson } from "./json_body.ts";

/** A request whose body comes from `pull`. */
function requestOf(pull: (controller: ReadableStreamDefaultController<Uint8Array>) => void | Promise<void>) {
  let cancelled = false;
  const body = new ReadableStream<Uint8Array>({ pull, cancel: () => void (cancelled = true) });
  const request = new Request("http://h/", {
    method: "POST",
    body,
    headers: { "content-type": "application/json" },
  });
  return { request, isCancelled: () => cancelled };
}

Deno.test("readJson() gives up on a body that does not arrive, or arrives a byte at a time", async () => {
  const silent = requestOf(() => new Promise<void>(() => {}));
  await assert.rejects(readJson(silent.request, { arrivalMs: 20 }), { code: "deadline_exceeded" });
  assert.equal(silent.isCancelled(), true);
  const dripping = requestOf(async (controller) => {
    await new Promise((resolve) => setTimeout(resolve, 5));
    controller.enqueue(new Uint8Array([32]));
  });
  await assert.rejects(
    readJson(dripping.request, { arrivalMs: 50 }),
    /the body did not arrive within 0.05 s/,
  );
  await new Promise((resolve) => setTimeout(resolve, 10));
});

Deno.test("readJson() keeps at most 8 MiB of a body in memory, and at most 64 MiB of all bodies", async () => {
  const endless = requestOf((controller) => controller.enqueue(new Uint8Array(1024 * 1024).fill(32)));
  await assert.rejects(readJson(endless.request), { code: "payload_too_large" });
  assert.equal(endless.isCancelled(), true);
  const readWhole = () => {
    let left = 8;
    return requestOf((controller) => {
      if (left-- === 0) {
        controller.enqueue(new TextEncoder().encode("1"));
        controller.close();
      } else controller.enqueue(new Uint8Array(1024 * 1024 - 1).fill(32));
    }).request;
  };
  const rooms = Array.from({ length: 8 }, () => new BodyRoom());
  for (const room of rooms) assert.equal((await readJson(readWhole(), { room })).value, 1);
  using another = new BodyRoom();
  await assert.rejects(readJson(readWhole(), { room: another }), { code: "unavailable" });
  another[Symbol.dispose]();
  for (const room of rooms) room[Symbol.dispose]();
  assert.equal((await readJson(readWhole(), { room: another })).value, 1);
});
