import assert from "node:assert/strict";
import { createKeyFeed } from "./key_feed.ts";

Deno.test("createKeyFeed() queues each key once per listener, in order, until the signal aborts", async () => {
  const feed = createKeyFeed<string>();
  const end = new AbortController();
  const heard: string[] = [];
  const listening = (async () => {
    for await (const key of feed.listen(end.signal)) {
      heard.push(key);
      if (key === "last") end.abort();
    }
  })();
  for (const key of ["a", "b", "a", "a"]) feed.add(key);
  while (heard.length < 2) await Promise.resolve();
  feed.add("a");
  feed.add("last");
  await listening;
  assert.deepEqual(heard, ["a", "b", "a", "last"]);
  feed.add("late");
  assert.equal(heard.length, 4);
});

Deno.test("createKeyFeed() ends a waiting listener, and passes nothing on to one that has left", async () => {
  const feed = createKeyFeed<number>();
  const end = new AbortController();
  const waiting = Array.fromAsync(feed.listen(end.signal));
  const broken = (async () => {
    for await (const key of feed.listen(end.signal)) return key;
  })();
  feed.add(1);
  assert.equal(await broken, 1);
  end.abort();
  assert.deepEqual(await waiting, [1]);
});
