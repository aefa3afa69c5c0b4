import assert from "node:assert/strict";
import { Channel } from "./channel.ts";

const makeChannel = (items: number, bytes: number) =>
  new Channel<string>({ items, bytes, sizeOf: (text) => text.length });

/** Reads the queued items, without waiting for more. */
async function drain(channel: Channel<string>): Promise<string[]> {
  channel.end();
  return await Array.fromAsync(channel);
}

Deno.test("Channel.send() waits while the bytes are used up, and continues as the reader reads", async () => {
  const channel = makeChannel(100, 10);
  assert.equal(await channel.send("12345"), true);
  assert.equal(await channel.send("12345"), true);
  let queued = false;
  const third = channel.send("x").then((ok) => queued = ok);
  await Promise.resolve();
  await Promise.resolve();
  assert.equal(queued, false);
  const reader = channel[Symbol.asyncIterator]();
  assert.equal((await reader.next()).value, "12345");
  await third;
  assert.equal(queued, true);
  await reader.return(undefined);
});

Deno.test("Channel.send() waits while the items are used up, and returns false to a waiting writer at the end", async () => {
  const channel = makeChannel(1, 1000);
  await channel.send("a");
  const second = channel.send("b");
  channel.end();
  assert.equal(await second, false);
});

Deno.test("Channel accepts a single item that is larger than its limit", async () => {
  const channel = makeChannel(10, 4);
  assert.equal(channel.offer("0123456789"), true);
  assert.equal(channel.offer("x"), false);
  assert.deepEqual(await drain(channel), ["0123456789"]);
});

Deno.test("Channel.offer() says when there is no room, in items or in bytes", async () => {
  const channel = makeChannel(3, 10);
  assert.deepEqual(["aaaa", "bbbb", "cccc"].map((text) => channel.offer(text)), [true, true, false]);
  assert.deepEqual(["d", "e"].map((text) => channel.offer(text)), [true, false]);
  assert.deepEqual(await drain(channel), ["aaaa", "bbbb", "d"]);
});
