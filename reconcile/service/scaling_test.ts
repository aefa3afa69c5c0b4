import assert from "node:assert/strict";
import { ANNOTATIONS } from "../../model/marks.ts";
import { writeGradualScale } from "../../model/gradual_scale.ts";
import type { ServiceStatus } from "../../model/service.ts";
import { ago, makeInstance, makeService, NOW } from "../testing/resources.ts";
import { planScaling } from "./scaling.ts";

const request = writeGradualScale({ generation: 2, from: 2, step: 3, interval: "30s" });
const service = (scaling?: ServiceStatus["scaling"], scale = 10, generation = 2) =>
  makeService({ scale }, {
    generation,
    annotations: { [ANNOTATIONS.gradualScale]: request },
    status: scaling && { scaling },
  });
const instances = (count: number, unready: number[] = [], status = {}) =>
  Array.from(
    { length: count },
    (_, n) =>
      makeInstance(makeService(), n, unready.includes(n) ? { status: { ready: false, ...status } } : {}),
  );
const at = (current: number, since: number) => ({ generation: 2, current, since: ago(since) });
const planScale = (...args: Parameters<typeof planScaling>) => planScaling(...args).effective.spec.scale;

Deno.test("planScaling() takes the first step at once, and the next when all instances are ready and the interval is over", () => {
  assert.equal(planScale(service(), instances(2), NOW), 5);
  assert.equal(planScale(service(at(5, 10)), instances(5), NOW), 5);
  assert.equal(planScaling(service(at(5, 10)), instances(5), NOW).afterMs, 20_000);
  assert.equal(planScale(service(at(5, 31)), instances(5, [4]), NOW), 5);
  assert.equal(planScale(service(at(5, 31)), instances(5), NOW), 8);
  assert.equal(planScale(service(at(8, 31)), instances(8), NOW), 10);
});

Deno.test("planScaling() is done when the last step is ready, and does not fail afterwards", () => {
  const { progress } = planScaling(service(at(10, 1)), instances(10), NOW);
  assert.equal(progress?.done, true);
  const later = planScaling(service({ ...at(10, 9999), done: true }), instances(10, [3]), NOW);
  assert.deepEqual([later.revert, later.effective.spec.scale], [undefined, 10]);
});

Deno.test("planScaling() goes back when a step does not become ready in time, or fails for good", () => {
  assert.equal(planScaling(service(at(5, 299)), instances(5, [4]), NOW).revert, undefined);
  const late = planScaling(service(at(5, 301)), instances(5, [4]), NOW).revert;
  assert.deepEqual([late?.scale, late?.from], [2, 2]);
  assert.match(late!.message, /did not become ready within 5m/);
  const crashing = { state: "Failed", reason: "CrashLoop", message: "it exited with code 1" };
  assert.match(
    planScaling(service(at(5, 1)), instances(5, [4], crashing), NOW).revert!.message,
    /web-4: it exited/,
  );
  assert.equal(planScaling(service(at(5, 1)), instances(5, [0], crashing), NOW).revert, undefined);
});

Deno.test("planScaling() also steps down, and stops when a later cast changes the scale", () => {
  assert.equal(planScale(service(undefined, 0), instances(2), NOW), 0);
  assert.equal(planScale(service(at(5, 31), 10, 3), instances(5), NOW), 10);
  assert.equal(planScaling(service(at(5, 31), 10, 3), instances(5), NOW).progress, undefined);
});

Deno.test("planScaling() treats a completed instance as ready, and a failed job as a failed step", () => {
  const completed = { state: "Completed" } as const;
  assert.equal(planScale(service(at(5, 31)), instances(5, [0, 4], completed), NOW), 8);
  const lastFailure = { at: ago(1), reason: "JobFailed", message: "m", exitCode: 1 } as const;
  const failed = instances(5, [4], { state: "Stopped", lastFailure });
  assert.equal(planScaling(service(at(5, 1)), failed, NOW).revert?.scale, 2);
});
