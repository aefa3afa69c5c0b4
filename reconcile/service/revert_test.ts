import assert from "node:assert/strict";
import type { Service, ServiceSpec } from "../../model/service.ts";
import type { Store } from "../../store/store.ts";
import { ago, makeInstance, makeService, NOW } from "../testing/resources.ts";
import { planService } from "./plan.ts";
import { resolveRevert } from "./revert.ts";

const PROCESS = { image: undefined, process: { command: "/bin/true" } };
const ROOT = makeService(PROCESS).spec;
const USER = makeService({ ...PROCESS, securityContext: { user: "dynamic" } }).spec;
const PRIVILEGED = makeService({ securityContext: { privileged: true } }).spec;
const PLAIN = makeService({}).spec;

/** The spec that an automatic revert from `now` to `before` writes. */
async function planRevert(before: ServiceSpec, now: ServiceSpec): Promise<ServiceSpec | undefined> {
  const base = makeService({}, { generation: 2 });
  const service = { ...base, spec: now, status: { ...base.status, readyGenerations: [1] } } as Service;
  const entry = { generation: 1, spec: before, at: "2026-01-01T00:00:00Z" };
  const store = { history: () => Promise.resolve([entry]) } as unknown as Store;
  return (await resolveRevert(service, { revert: { from: 2, message: "late" }, store }))?.spec;
}

Deno.test("resolveRevert() never grants root that the current spec does not have", async () => {
  assert.equal(await planRevert(ROOT, USER), undefined);
  assert.equal(await planRevert({ ...USER, identity: { user: 0, group: 0, groups: [] } }, USER), undefined);
  assert.equal(await planRevert(PRIVILEGED, PLAIN), undefined);
  assert.equal((await planRevert(ROOT, { ...ROOT, env: { A: "1" } }))?.process?.command, "/bin/true");
  assert.equal((await planRevert(USER, ROOT))?.securityContext?.user, "dynamic");
  assert.equal((await planRevert({ ...PLAIN, env: { A: "1" } }, PLAIN))?.env.A, "1");
});

Deno.test("planService() names a crashed instance, also while it is being restarted", () => {
  const service = makeService({ update: { timeout: "10s", rollback: true } }, {
    generation: 2,
    status: { readyGenerations: [1], rolloutStartedAt: ago(11), observedGeneration: 2 },
  });
  const crashed = {
    at: ago(1),
    reason: "LaunchFailed" as const,
    message: "it exited with code 1",
    logs: "rune logs web-0 -n default --previous",
  };
  const instance = makeInstance(service, 0, {
    status: { state: "Starting", ready: false, lastFailure: crashed },
  });
  const { steps } = planService({ service, instances: [instance], volumes: [], others: [], now: NOW });
  const revert = steps.find((step) => step.do === "revert");
  assert.equal(
    revert?.revert.message,
    "it did not become ready within 10s: web-0: it exited with code 1; see: rune logs web-0 -n default --previous",
  );
});
