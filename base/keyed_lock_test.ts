import assert from "node:assert/strict";
import { KeyedLock } from "./keyed_lock.ts";

const { signal } = new AbortController();
const toError = (what: string) => new Error(`${what} was cancelled`);

Deno.test("KeyedLock runs work under one key in order, and under another at once", async () => {
  const lock = new KeyedLock(toError);
  const gate = Promise.withResolvers<void>();
  const log: string[] = [];
  const note = (key: string, name: string, wait?: Promise<void>) =>
    lock.run([key], { signal, what: name, work: async () => (await wait, void log.push(name)) });
  const first = note("a", "first", gate.promise);
  const second = note("a", "second");
  await note("b", "other");
  gate.resolve();
  await Promise.all([first, second]);
  assert.deepEqual(log, ["other", "first", "second"]);
});

Deno.test("KeyedLock lets a waiter go when its signal aborts, and nobody else in before their turn", async () => {
  const lock = new KeyedLock(toError);
  const gate = Promise.withResolvers<void>();
  const abort = new AbortController();
  let holders = 0;
  const work = async () => {
    assert.equal(++holders, 1);
    await gate.promise;
    holders--;
  };
  const first = lock.run(["a"], { signal, what: "first", work });
  const second = lock.run(["a"], { signal: abort.signal, what: "second", work });
  const third = lock.run(["a"], { signal, what: "third", work });
  abort.abort();
  await assert.rejects(second, { message: "second was cancelled" });
  gate.resolve();
  await Promise.all([first, third]);
});

Deno.test("KeyedLock releases after a failure, and takes several keys", async () => {
  const lock = new KeyedLock(toError);
  const fails = () => Promise.reject(new Error("no"));
  await assert.rejects(lock.run(["a", "b"], { signal, what: "it", work: fails }), { message: "no" });
  assert.equal(await lock.run(["b"], { signal, what: "it", work: async () => 1 }), 1);
});
