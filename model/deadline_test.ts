import assert from "node:assert/strict";
import { withDeadline } from "./deadline.ts";

const never = () => new Promise<never>(() => {});

Deno.test("withDeadline() stops waiting for work that never ends, and aborts it", async () => {
  let aborted: AbortSignal | undefined;
  const waiting = withDeadline((signal) => (aborted = signal, never()), { ms: 10, what: "the mount of a/b" });
  await assert.rejects(waiting, {
    code: "deadline_exceeded",
    message: "the mount of a/b did not end within 0.01 s",
  });
  assert.equal(aborted!.aborted, true);
});

Deno.test("withDeadline() handles the error of the loser, and passes a late result on", async () => {
  const late = Promise.withResolvers<string>();
  const discarded = Promise.withResolvers<string>();
  const options = { ms: 5, what: "it", discard: (value: string) => discarded.resolve(value) };
  await assert.rejects(withDeadline(() => late.promise, options), { code: "deadline_exceeded" });
  late.resolve("a connection");
  assert.equal(await discarded.promise, "a connection");
  const failing = Promise.withResolvers<string>();
  await assert.rejects(withDeadline(() => failing.promise, options), { code: "deadline_exceeded" });
  failing.reject(new Error("too late"));
  await new Promise((resolve) => setTimeout(resolve, 5));
});

Deno.test("withDeadline() passes on results and errors, and ends at once with the caller's signal", async () => {
  assert.equal(await withDeadline(() => Promise.resolve(1), { ms: 1_000, what: "it" }), 1);
  const failing = withDeadline(
    () => {
      throw new Error("at once");
    },
    { ms: 1_000, what: "it" },
  );
  await assert.rejects(failing, /at once/);
  const caller = new AbortController();
  const waiting = withDeadline(never, { ms: 60_000, what: "it", signal: caller.signal });
  caller.abort(new Error("stopping"));
  await assert.rejects(waiting, /stopping/);
  await assert.rejects(
    withDeadline(() => assert.fail("begun"), { ms: 60_000, what: "it", signal: caller.signal }),
    /stopping/,
  );
});

Deno.test("withDeadline() keeps the result tied to the caller's signal, not to the deadline", async () => {
  const caller = new AbortController();
  const options = { ms: 20, what: "it", signal: caller.signal };
  const signal = await withDeadline((signal) => Promise.resolve(signal), options);
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.equal(signal.aborted, false);
  caller.abort();
  assert.equal(signal.aborted, true);
});

Deno.test("withDeadline() gives aborted work a grace period, and then stops waiting", async () => {
  const steps: string[] = [];
  const tidy = (signal: AbortSignal) =>
    new Promise<never>((_, reject) =>
      signal.addEventListener("abort", () => {
        setTimeout(() => (steps.push("tidied"), reject(new Error("aborted"))), 5);
      })
    );
  const options = { ms: 5, what: "it", graceMs: 60_000 };
  await assert.rejects(withDeadline(tidy, options), { code: "deadline_exceeded" });
  assert.deepEqual(steps, ["tidied"]);
  await assert.rejects(withDeadline(never, { ...options, graceMs: 10 }), { code: "deadline_exceeded" });
  const caller = new AbortController();
  const waiting = withDeadline(tidy, { ...options, ms: 60_000, signal: caller.signal });
  caller.abort();
  await assert.rejects(waiting, /aborted/);
  assert.deepEqual(steps, ["tidied", "tidied"]);
});
