import assert from "node:assert/strict";
import { openStore } from "../../store/store.ts";
import { makeProvisionedVolume, makeService } from "../testing/resources.ts";
import type { ServiceSpec } from "../../model/service.ts";
import type { Reader } from "../../store/store.ts";
import { rollbackTarget } from "./revert.ts";
import { missingFor, revisionAt, revisionsOf } from "./revisions.ts";
import { serviceStatus } from "./status.ts";
import { ago, makeInstance, NOW } from "../testing/resources.ts";
import { planRollout } from "./rollout.ts";

const spec = (v: number, more: object = {}) => makeService({ env: { V: String(v) }, ...more }).spec;
const makeEntry = (generation: number, of: ServiceSpec) => ({
  generation,
  spec: of,
  at: "2026-01-01T00:00:00Z",
});

Deno.test("revisionsOf() counts a version as ready when any of its generations was ready, and the newest as live", () => {
  const service = makeService({ env: { V: "3" } }, { generation: 9, status: { readyGenerations: [8, 5] } });
  const history = [
    makeEntry(7, spec(3)),
    makeEntry(6, spec(2)),
    makeEntry(3, spec(1)),
    makeEntry(1, spec(0)),
  ];
  assert.deepEqual(
    revisionsOf(service, history).map(({ generation, ready, live }) => [generation, ready, live]),
    [
      [7, true, true],
      [6, false, false],
      [3, true, false],
      [1, false, false],
    ],
  );
  assert.equal(rollbackTarget(service, history)?.generation, 3, "past the one that never was ready");
  const revisions = revisionsOf(service, history);
  assert.equal(revisionAt(revisions, 4)?.generation, 3, "a scale of it");
  assert.equal(revisionAt(revisions, 8)?.live, true);
});

Deno.test("a version that was scaled twelve times pushes no other ready version out", () => {
  let service = makeService({ env: { V: "1" }, scale: 1 }, { generation: 1 });
  const becomeReady = () => {
    const instances = Array.from({ length: service.spec.scale }, (_, n) => makeInstance(service, n));
    const status = serviceStatus(service, {
      instances,
      rollout: planRollout(service, instances, NOW),
      now: NOW,
    });
    service = { ...service, status };
  };
  becomeReady();
  service = { ...service, generation: 2, spec: spec(2) };
  becomeReady();
  for (let generation = 3; generation <= 14; generation++) {
    service = { ...service, generation, spec: { ...service.spec, scale: 1 + generation % 3 } };
    becomeReady();
  }
  assert.deepEqual(service.status.readyGenerations, [14, 1]);
  assert.equal(rollbackTarget(service, [makeEntry(2, spec(2)), makeEntry(1, spec(1))])?.generation, 1);
});

Deno.test("a rollout is not late while a successor prepares, and has its full time afterwards", () => {
  const volumes = [{ name: "d", mountPath: "/d", claim: { name: "data" } }];
  const before = makeService({ volumes });
  const status = {
    rolloutStartedAt: ago(400),
    rolloutProgress: { updated: 0, at: ago(400) },
    observedGeneration: 2,
  };
  const service = makeService({ volumes, env: { V: "2" } }, { generation: 2, status });
  const judge = (own: object) => {
    const created = makeInstance(service, 0, {
      name: "web-0-next",
      status: { state: "Pending", ready: false, run: 0, ...own },
    });
    const next = { ...created, spec: { ...created.spec, awaitsTurn: true as const } };
    const instances = [makeInstance(before, 0), next];
    const rollout = planRollout(service, instances, NOW);
    const { rolloutProgress } = serviceStatus(service, { instances, rollout, now: NOW });
    return [rollout.late, rolloutProgress?.at];
  };
  assert.deepEqual(judge({ message: "pulling image x: 3%" }), [false, NOW.toISOString()]);
  const failing = { launchFailures: 2, reason: "ImageUnreachable" };
  assert.deepEqual(judge(failing), [true, ago(400)], "what fails is no progress");
  assert.deepEqual(judge({ preparedAt: ago(2) }), [false, ago(2)]);
});

Deno.test("missingFor() names the volume, secret or key that a revert would lack", () => {
  const claiming = spec(1, { volumes: [{ name: "d", mountPath: "/d", claim: { name: "data" } }] });
  const template = { size: "1Gi", accessMode: "ReadWriteOnce" };
  const owning = spec(1, { scale: 2, volumes: [{ name: "d", mountPath: "/d", claimTemplate: template }] });
  const needing = spec(1, { env: { A: "{{ secret:key/a }}" } });
  const service = makeService({ scale: 3 }, { generation: 4 });
  const makeReader = (...names: string[]): Reader => ({
    get: (kind: string, _: string, name: string) =>
      kind === "volume" && names.includes(name) ? makeProvisionedVolume({ name }) : undefined,
    list: () => [],
  } as unknown as Reader);
  const lacks = (of: ServiceSpec, state: Reader, ready = true) =>
    missingFor({ ...makeEntry(1, of), ready, live: false }, { service, state });
  assert.match(
    lacks(claiming, makeReader())!,
    /volume default\/data, which generation 1 used, does not exist/,
  );
  assert.equal(lacks(claiming, makeReader("data")), undefined);
  assert.match(lacks(owning, makeReader("d-web-0"))!, /d-web-1/, "it would be made anew, and empty");
  assert.equal(lacks(owning, makeReader("d-web-0", "d-web-1")), undefined, "the third ordinal never had one");
  assert.equal(lacks(owning, makeReader(), false), undefined, "it never ran: there is nothing to lose");
  assert.match(lacks(needing, makeReader())!, /secret default\/key does not exist/);
});

Deno.test("the store records no version for a scale, and records the author of each version", async () => {
  const dir = await Deno.makeTempDir();
  await using _dir = { [Symbol.asyncDispose]: () => Deno.remove(dir, { recursive: true }) };
  const store = await openStore({ dataDir: dir });
  try {
    const { kind, namespace, name, status } = makeService();
    await store.transact((tx) =>
      tx.create({
        kind,
        namespace,
        name,
        spec: spec(1),
        status,
        annotations: { "rune.io/changed-by": "ann" },
      })
    );
    const change = (next: ServiceSpec) =>
      store.transact((tx) => tx.update(tx.get("service", namespace, name)!, { spec: next }));
    for (let scale = 2; scale < 14; scale++) await change({ ...spec(1), scale });
    await change({ ...spec(2), scale: 13 });
    const history = await store.history("service", namespace, name);
    assert.deepEqual(history.map(({ generation, by }) => [generation, by]), [[14, "ann"], [1, "ann"]]);
  } finally {
    await store.close();
  }
});
