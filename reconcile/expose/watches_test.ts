import assert from "node:assert/strict";
import type { Instance } from "../../model/instance.ts";
import type { Service } from "../../model/service.ts";
import type { Reader } from "../../store/store.ts";
import { keysOf, type News } from "../news.ts";
import { ago, makeInstance, makeService } from "../testing/resources.ts";
import { EXPOSURE_WATCHES } from "./watches.ts";

const ports = [{ name: "http", port: 8080 }];
const stateOf = (service: Service): Reader => ({ get: () => service as never, list: () => [] });

Deno.test("the routes are reconciled after changes that may affect them, and not after frequent unrelated changes", () => {
  const service = makeService({ scale: 3, ports, expose: { port: "http", host: "web.local" } });
  const instance = makeInstance(service, 0, { status: { ip: "10.0.0.1" } });
  const concerns = (
    resource: Instance | Service,
    previous?: Instance | Service,
    state = stateOf(service),
  ) => {
    const news = { kind: resource.kind, resource, previous, deleted: false } as News;
    return keysOf(EXPOSURE_WATCHES, { news, state }).length > 0;
  };
  assert.ok(concerns(instance));
  assert.ok(concerns({ ...instance, status: { ...instance.status, ready: false } }, instance));
  assert.ok(concerns({ ...instance, deletionRequestedAt: ago(0) }, instance));
  assert.equal(concerns({ ...instance, status: { ...instance.status, crashes: 1 } }, instance), false);
  assert.ok(concerns(service));
  assert.ok(concerns({ ...service, generation: 2 }, service));
  assert.ok(concerns({ ...service, deletionRequestedAt: ago(0) }, service));
  assert.equal(concerns({ ...service, status: { ...service.status, ready: 1 } }, service), false);
  assert.equal(concerns(makeService()), false);
  assert.equal(concerns(instance, undefined, stateOf(makeService())), false);
});
