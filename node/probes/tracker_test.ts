import assert from "node:assert/strict";
import { afterAnswer, type ProbeState, UNASKED, verdictOf } from "./tracker.ts";

const thresholds = { failureThreshold: 3, successThreshold: 2 };
const answers = (pattern: string, from: ProbeState = UNASKED) =>
  [...pattern].reduce(
    (state, c) =>
      afterAnswer(state, {
        answer: { ok: c === "+", message: c === "+" ? "HTTP 200" : "HTTP 503" },
        at: "2026-01-01T00:00:00.000Z",
        probe: thresholds,
      }),
    from,
  );

Deno.test("afterAnswer() passes and fails only after the configured number of results in a row", () => {
  const cases: [string, boolean | undefined][] = [
    ["", undefined],
    ["+", undefined],
    ["++", true],
    ["--", undefined],
    ["---", false],
    ["++--", true],
    ["++---", false],
    ["---+", false],
    ["---++", true],
    ["++--+--", true],
  ];
  for (const [pattern, passing] of cases) assert.equal(answers(pattern).passing, passing, pattern);
});

Deno.test("verdictOf() lets liveness decide readiness only if there is no readiness probe", () => {
  assert.deepEqual(verdictOf({}), {});
  assert.deepEqual(verdictOf({ liveness: UNASKED }), {});
  assert.deepEqual(verdictOf({ liveness: answers("++") }), { ready: true });
  assert.deepEqual(verdictOf({ liveness: answers("++"), readiness: UNASKED }), {});
  assert.deepEqual(verdictOf({ liveness: UNASKED, readiness: answers("++") }), { ready: true });
  assert.equal(verdictOf({ liveness: answers("---"), readiness: answers("++") }).ready, false);
});

Deno.test("verdictOf() says which check failed, how often, and with what result", () => {
  const message = "its readiness check failed 3 times in a row: HTTP 503";
  assert.deepEqual(verdictOf({ readiness: answers("---") }), { ready: false, message });
  assert.equal(
    verdictOf({ liveness: answers("---") }).dead,
    "its liveness check failed 3 times in a row: HTTP 503",
  );
});

Deno.test("verdictOf() ignores other checks until the startup check has passed, and treats its failure as fatal", () => {
  const startup = answers("++");
  assert.deepEqual(verdictOf({ startup: UNASKED }), {});
  assert.deepEqual(verdictOf({ startup: answers("--") }), {}, "it may still start");
  assert.deepEqual(verdictOf({ startup: answers("---") }), {
    ready: false,
    dead: "its startup check failed 3 times in a row: HTTP 503",
  });
  assert.deepEqual(verdictOf({ startup }), { startedUp: true, ready: true }, "nothing else decides");
  assert.deepEqual(verdictOf({ startup, liveness: UNASKED }), { startedUp: true });
  assert.deepEqual(verdictOf({ startup, readiness: answers("++") }), { startedUp: true, ready: true });
});
