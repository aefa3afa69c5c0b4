import assert from "node:assert/strict";
import type { Instance } from "../../model/instance.ts";
import type { Service } from "../../model/service.ts";
import { ago, makeInstance, makeService } from "../testing/resources.ts";
import { planExposures, planRoutes } from "./plan.ts";

const ports = [{ name: "http", port: 8080 }];
const makeNamed = (fields: Record<string, unknown> = {}, more: Parameters<typeof makeService>[1] = {}) =>
  makeService({ scale: 3, ports, expose: { port: "http", host: "web.local" }, ...fields }, more);
const at = (service: Service, ordinal: number, status: Partial<Instance["status"]> = {}) =>
  makeInstance(service, ordinal, { status: { ip: `10.0.0.${ordinal}`, ...status } });
const routes = (service: Service, instances: Instance[]) =>
  planRoutes({ services: [service], instances }).routes;

Deno.test("planRoutes() routes a name to every ready instance and to no other", () => {
  const service = makeNamed();
  const instances = [
    at(service, 0),
    at(service, 1, { ready: false, state: "Starting" }),
    { ...at(service, 2), deletionRequestedAt: ago(1) },
    at(service, 3),
    makeInstance({ ...service, uid: "another" }, 4, { status: { ip: "10.0.0.4" } }),
    makeInstance(service, 5),
  ];
  assert.deepEqual(routes(service, instances), [
    { host: "web.local", upstreams: ["10.0.0.0:8080", "10.0.0.3:8080"] },
  ]);
  assert.deepEqual(routes(service, []), [{ host: "web.local", upstreams: [] }]);
});

Deno.test("planRoutes() omits services without a name and those that are being deleted", () => {
  const nameless = makeNamed({ scale: 1, expose: { port: "http" } });
  assert.deepEqual(routes(nameless, [at(nameless, 0)]), []);
  assert.deepEqual(routes(makeNamed({}, { deletionRequestedAt: ago(1) }), []), []);
});

Deno.test("planRoutes() takes a named port's number from the instance, which may have an older template", () => {
  const before = makeNamed();
  const after = makeNamed({ ports: [{ name: "http", port: 9090 }] });
  assert.deepEqual(routes(after, [at(before, 0), at(after, 1)])[0]!.upstreams, [
    "10.0.0.0:8080",
    "10.0.0.1:9090",
  ]);
});

Deno.test("planRoutes() routes to processes on the host, once per shared port, and brackets IPv6", () => {
  const service = makeNamed({ image: undefined, process: { command: "sleep" } });
  assert.deepEqual(routes(service, [makeInstance(service, 0), makeInstance(service, 1)])[0]!.upstreams, [
    "127.0.0.1:8080",
  ]);
  const six = makeNamed();
  assert.deepEqual(routes(six, [at(six, 0, { ip: "fd00::2" })])[0]!.upstreams, ["[fd00::2]:8080"]);
});

Deno.test("planRoutes() gives a name of two services to the older one, and refuses the other", () => {
  const older = makeNamed({}, { createdAt: ago(100), uid: "older", name: "older" });
  const newer = makeNamed({}, { createdAt: ago(50), uid: "newer", name: "newer" });
  const plan = planRoutes({ services: [newer, older], instances: [at(newer, 0)] });
  assert.deepEqual(plan.routes, [{ host: "web.local", upstreams: [] }]);
  assert.deepEqual([...plan.refused.keys()], ["newer"]);
  assert.match(plan.refused.get("newer")!, /exposed by service default\/older/);
});

Deno.test("planExposures() reports each service's addresses, or why it has none, only once", () => {
  const service = makeNamed();
  const plan = planRoutes({ services: [service], instances: [] });
  const urls = { "web.local": ["http://web.local"] };
  const good = { host: "web.local", urls: ["http://web.local"] };
  assert.deepEqual(planExposures([service], { plan, urls }), [{ service, exposure: good }]);
  assert.deepEqual(planExposures([makeNamed({}, { status: { exposure: good } })], { plan, urls }), []);
  const failure = "Caddy is not installed; install it";
  assert.deepEqual(planExposures([service], { plan, urls, failure })[0]!.exposure, {
    host: "web.local",
    urls: [],
    message: failure,
  });
});

Deno.test("planRoutes() reports that a service in another namespace has the name, but not which", () => {
  const owner = { ...makeNamed(), uid: "a", namespace: "far", name: "hush" };
  const service = { ...makeNamed(), uid: "b", createdAt: ago(0) };
  const listRefusals = (services: Service[]) =>
    [...planRoutes({ services, instances: [] }).refused.values()].join();
  assert.match(listRefusals([owner, service]), /exposed by a service of another namespace/);
  assert.match(
    listRefusals([{ ...owner, namespace: service.namespace }, service]),
    /exposed by service .*\/hush/,
  );
});
