import assert from "node:assert/strict";
import { dueInMs } from "./backoff.ts";
import { ago, NOW } from "../reconcile/testing/resources.ts";

Deno.test("dueInMs() waits for a future time, but not for one that a clock set back moved out of reach", () => {
  assert.equal(dueInMs(undefined, NOW), 0);
  assert.equal(dueInMs(ago(5), NOW), 0);
  assert.equal(dueInMs(ago(-5), NOW), 5000);
  assert.equal(dueInMs(ago(-60), NOW), 60_000);
  assert.equal(dueInMs(ago(-3600), NOW), 0);
});
