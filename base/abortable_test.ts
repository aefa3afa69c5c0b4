import assert from "node:assert/strict";
import { abortable } from "./abortable.ts";

Deno.test("abortable() settles as the promise does", async () => {
  const { signal } = new AbortController();
  assert.equal(await abortable(Promise.resolve(3), signal), 3);
  await assert.rejects(abortable(Promise.reject(new Error("no")), signal), /no/);
});

Deno.test("abortable() stops waiting when the signal aborts, and passes a late value on", async () => {
  const slow = Promise.withResolvers<string>();
  const late = Promise.withResolvers<string>();
  const abort = new AbortController();
  const call = abortable(slow.promise, abort.signal, late.resolve);
  abort.abort(new Error("time is up"));
  await assert.rejects(call, /time is up/);
  slow.resolve("after all");
  assert.equal(await late.promise, "after all");
  const aborted = AbortSignal.abort(new Error("before"));
  await assert.rejects(abortable(Promise.resolve(1), aborted, () => {}), /before/);
});
