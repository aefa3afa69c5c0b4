import assert from "node:assert/strict";
import { makeTurns } from "./turns.ts";

Deno.test("makeTurns() lets others run in the middle of a long series, and holds up no short one", async () => {
  assert.equal(makeTurns()(), undefined);
  let fired = false;
  setTimeout(() => fired = true, 0);
  const next = makeTurns();
  const deadline = performance.now() + 60_000;
  while (!fired && performance.now() < deadline) await next();
  assert.ok(fired, "a timer fires between two steps");
});
