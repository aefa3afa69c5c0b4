import assert from "node:assert/strict";
import { KeyedLock } from "./keyed_lock.ts";

Deno.test("KeyedLock runs work under one key in order, and under another at once", async () => {
  const lock = new KeyedLock();
  const gate = Promise.withResolvers<void>();
  const log: string[] = [];
  const note = (key: string, name: string, wait?: Promise<void>) =>
    lock.run([key], { work: async () => (await wait, void log.push(name)) });
  const first = note("a", "first", gate.promise);
  const second = note("a", "second");
  await note("b", "other");
  gate.resolve();
  await Promise.all([first, second]);
  assert.deepEqual(log, ["other", "first", "second"]);
});

Deno.test("KeyedLock releases a waiter when its signal aborts, and keeps the order of the others", async () => {
  const lock = new KeyedLock();
  const gate = Promise.withResolvers<void>();
  const abort = new AbortController();
  let holders = 0;
  const work = async () => {
    assert.equal(++holders, 1);
    await gate.promise;
    holders--;
  };
  const first = lock.run(["a"], { work });
  const second = lock.run(["a"], { work, signal: abort.signal });
  const third = lock.run(["a"], { work });
  const reason = new Error("enough");
  abort.abort(reason);
  await assert.rejects(second, reason);
  gate.resolve();
  await Promise.all([first, third]);
});

Deno.test("KeyedLock releases after a failure, and takes several keys", async () => {
  const lock = new KeyedLock();
  const fails = () => Promise.reject(new Error("no"));
  await assert.rejects(lock.run(["a", "b"], { work: fails }), { message: "no" });
  assert.equal(await lock.run(["b"], { work: () => 1 }), 1);
});

Deno.test("KeyedLock.waitForIdle() resolves when nobody holds or waits, including later callers", async () => {
  const lock = new KeyedLock();
  await lock.waitForIdle();
  const gate = Promise.withResolvers<void>();
  const log: string[] = [];
  const first = lock.run(["a"], {
    work: async () => {
      await gate.promise;
      void lock.run(["b"], { work: () => void log.push("late") });
    },
  });
  const idle = lock.waitForIdle().then(() => log.push("idle"));
  gate.resolve();
  await Promise.all([first, idle]);
  assert.deepEqual(log, ["late", "idle"]);
});
