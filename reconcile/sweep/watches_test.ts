import assert from "node:assert/strict";
import { ANNOTATIONS } from "../../model/marks.ts";
import type { Reader } from "../../store/store.ts";
import { keysOf, type News } from "../news.ts";
import { ago, makeInstance, makeService, makeVolume } from "../testing/resources.ts";
import { SWEEP_CONTROLLER } from "./controller.ts";

const instance = makeInstance(makeService(), 0, { status: { run: 4 } });
const state: Reader = {
  get: () => undefined,
  list: (kind) => (kind === "instance" ? [instance] : []) as never,
};
const wakes = (news: News) => keysOf(SWEEP_CONTROLLER.watches, { news, state }).length > 0;

Deno.test("the sweep wakes for events of earlier runs, outages, removed services and detach requests", () => {
  assert.ok(wakes({ kind: "outage", runner: "docker" }));
  assert.ok(wakes({ kind: "run", instanceUid: instance.uid, run: 3 }), "a run that is over");
  assert.ok(!wakes({ kind: "run", instanceUid: instance.uid, run: 4 }));
  assert.ok(!wakes({ kind: "run", instanceUid: "gone", run: 4 }));
  const service = makeService();
  assert.ok(wakes({ kind: "service", resource: service, previous: service, deleted: true }));
  assert.ok(!wakes({ kind: "service", resource: service, deleted: false }));
  const volume = makeVolume();
  const asked = makeVolume({}, { annotations: { [ANNOTATIONS.detachRequestedAt]: ago(0) } });
  assert.ok(wakes({ kind: "volume", resource: asked, previous: volume, deleted: false }));
  assert.ok(!wakes({ kind: "volume", resource: asked, previous: asked, deleted: false }));
  assert.ok(!wakes({ kind: "volume", resource: volume, deleted: false }));
});
