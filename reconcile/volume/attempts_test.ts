import assert from "node:assert/strict";
import { makeVolume, NOW } from "../testing/resources.ts";
import { failedStatus, forgetAttempts, MAX_ATTEMPTS } from "./attempts.ts";

Deno.test("failedStatus() backs off 1 s doubling to 60 s and stalls after six attempts, or at once when permanent", () => {
  let volume = makeVolume();
  const delays: number[] = [];
  for (let i = 0; i < MAX_ATTEMPTS; i++) {
    const status = failedStatus({ volume, secrets: {} }, { message: "no", permanent: false, now: NOW });
    volume = { ...volume, status };
    if (status.nextAttemptAt) delays.push(Date.parse(status.nextAttemptAt) - NOW.getTime());
  }
  assert.deepEqual(delays, [1000, 2000, 4000, 8000, 16_000]);
  assert.equal(volume.status.state, "Stalled");
  const permanent = failedStatus({ volume: makeVolume(), secrets: {} }, {
    message: "no",
    permanent: true,
    now: NOW,
  });
  assert.deepEqual([permanent.state, permanent.attempts], ["Stalled", 1]);
});

Deno.test("failedStatus() records the secrets of the attempt, and counts from 1 when they had changed", () => {
  const failure = { message: "no", permanent: false, now: NOW };
  const volume = makeVolume({}, {
    status: { state: "Stalled", attempts: 6, failedSecrets: { "default/do": "u/1" } },
  });
  const secrets = { "default/do": "u/2" };
  const status = failedStatus({ volume, secrets }, failure);
  assert.deepEqual([status.state, status.attempts, status.failedSecrets], ["Failed", 1, secrets]);
  assert.equal(forgetAttempts({ volume: { ...volume, status }, secrets }), status);
});
