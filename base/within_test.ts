import assert from "node:assert/strict";
import { within } from "./within.ts";

Deno.test("within() gives what the promise comes to, or fails as it fails", async () => {
  const { signal } = new AbortController();
  assert.equal(await within(Promise.resolve(3), signal), 3);
  await assert.rejects(within(Promise.reject(new Error("no")), signal), /no/);
});

Deno.test("within() waits no longer than the signal, and hands on what comes too late", async () => {
  const slow = Promise.withResolvers<string>();
  const late = Promise.withResolvers<string>();
  const abort = new AbortController();
  const call = within(slow.promise, abort.signal, late.resolve);
  abort.abort(new Error("time is up"));
  await assert.rejects(call, /time is up/);
  slow.resolve("after all");
  assert.equal(await late.promise, "after all");
  const aborted = AbortSignal.abort(new Error("before"));
  await assert.rejects(within(Promise.resolve(1), aborted, () => {}), /before/);
});
