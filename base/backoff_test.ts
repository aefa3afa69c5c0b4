import assert from "node:assert/strict";
import { dueInMs } from "./backoff.ts";
import { ago, NOW } from "../reconcile/testing/resources.ts";

Deno.test("dueInMs() waits for what is to come, and not for a time that a clock set back has put out of reach", () => {
  assert.equal(dueInMs(undefined, NOW), 0);
  assert.equal(dueInMs(ago(5), NOW), 0);
  assert.equal(dueInMs(ago(-5), NOW), 5000);
  assert.equal(dueInMs(ago(-60), NOW), 60_000);
  assert.equal(dueInMs(ago(-3600), NOW), 0);
});
