import assert from "node:assert/strict";
import { RuneError } from "../../model/error.ts";
import { eventStream } from "../api/streams/sse.ts";
import { createOpenCount } from "./open_count.ts";
import { endWith } from "./stream_end.ts";

const never = new AbortController().signal;

/** An endless event stream, and the controller that ends the right to it. */
function open(enter: () => () => void) {
  const right = new AbortController();
  let gone = false;
  const source = async function* (signal: AbortSignal) {
    try {
      yield { event: "first", data: 1 };
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
    } finally {
      gone = true;
    }
  };
  const response = eventStream(source, { shutdown: never, requestId: "r" });
  const ended = endWith(response, { signal: right.signal, requestId: "r", enter });
  return { right, response: ended, isGone: () => gone };
}

async function readUntil(response: Response, part: string): Promise<ReadableStreamDefaultReader<Uint8Array>> {
  const reader = response.body!.getReader();
  for (let text = ""; !text.includes(part);) text += new TextDecoder().decode((await reader.read()).value);
  return reader;
}

Deno.test("endWith() ends an event stream with the reason, and leaves the count once", async () => {
  let inside = 0;
  const enter = () => {
    inside++;
    return () => void inside--;
  };
  const { right, response, isGone } = open(enter);
  assert.equal(inside, 1);
  const reader = await readUntil(response, "first");
  right.abort(new RuneError("unauthenticated", "this token was revoked"));
  const last = new TextDecoder().decode((await reader.read()).value);
  assert.match(last, /event: problem\ndata: .*revoked/);
  assert.deepEqual([inside, (await reader.read()).done, isGone()], [0, true, true]);

  const left = open(enter);
  await (await readUntil(left.response, "first")).cancel();
  left.right.abort();
  assert.deepEqual([inside, left.isGone()], [0, true]);
});

Deno.test("endWith() breaks off an archive, so that it does not look complete", async () => {
  const right = new AbortController();
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(10)),
  });
  const response = endWith(new Response(body, { headers: { "content-type": "application/gzip" } }), {
    signal: right.signal,
    requestId: "r",
    enter: () => assert.fail("an archive is not counted"),
  });
  const reader = response.body!.getReader();
  await reader.read();
  right.abort(new RuneError("unauthenticated", "this token was revoked"));
  await assert.rejects(reader.read(), /revoked/);
});

Deno.test("createOpenCount() limits each user, and admits them again after one stream has ended", () => {
  const count = createOpenCount({ max: 2, what: "streams" });
  const [first] = [count.enter("a"), count.enter("a")];
  assert.throws(() => count.enter("a"), { code: "rate_limited", message: /a already has 2 streams open/ });
  count.enter("b");
  first!();
  first!();
  count.enter("a");
  assert.throws(() => count.enter("a"), { code: "rate_limited" });
  assert.throws(() => open(() => count.enter("a")), { code: "rate_limited" });
});
