import assert from "node:assert/strict";
import { endsWithin } from "./serve.ts";

Deno.test("endsWithin() waits for work that ends, gives up on work that hangs, and passes on a failure", async () => {
  assert.equal(await endsWithin(Promise.resolve(), 60_000), true);
  assert.equal(await endsWithin(new Promise(() => {}), 1), false);
  await assert.rejects(endsWithin(Promise.reject(new Error("broken")), 60_000), /broken/);
});
