/** Passes over all routes, with a proxy that records its calls. @module */
import assert from "node:assert/strict";
import { RuneError } from "../../model/error.ts";
import type { Route } from "../../node/proxy/proxy.ts";
import { makeNodes } from "../../node/testing/partial_nodes.ts";
import { keep, type MemoryRoom, withMemoryRoom } from "../testing/memory_room.ts";
import { makeInstance, makeService } from "../testing/resources.ts";
import { reconcileExposure } from "./controller.ts";

const URLS = { "shop.example.com": ["http://shop.example.com:7880"] };
const EXPOSED = { ports: [{ port: 80 }], expose: { port: 80, host: "shop.example.com" } };

/** Runs a pass with a proxy that gives this answer. @returns the outcome and the applied routes. */
async function pass(
  { store, signal }: MemoryRoom,
  answer: () => Promise<Record<string, string[]>> = () => Promise.resolve(URLS),
) {
  const applied: Route[][] = [];
  const proxy = {
    apply(routes: Route[]) {
      applied.push(routes);
      return answer();
    },
  };
  const outcome = await reconcileExposure({ store, nodes: makeNodes({ proxy }) }, signal);
  return { outcome, routes: applied.flat() };
}

const exposureOf = ({ store }: MemoryRoom) => store.get("service", "default", "web")!.status.exposure;

Deno.test("reconcileExposure() routes a host name to ready instances, and writes the service's addresses once", () =>
  withMemoryRoom(async (room) => {
    const service = await keep(room.store, makeService(EXPOSED));
    await keep(room.store, makeInstance(service, 0, { status: { ip: "10.0.0.7" } }));
    await keep(room.store, makeInstance(service, 1, { status: { ip: "10.0.0.8", ready: false } }));
    const { outcome, routes } = await pass(room);
    assert.deepEqual(outcome, { type: "done" });
    assert.deepEqual(routes, [{ host: "shop.example.com", upstreams: ["10.0.0.7:80"] }]);
    assert.deepEqual(exposureOf(room)!.urls, URLS["shop.example.com"]);
    const revision = room.store.revision;
    await pass(room);
    assert.equal(room.store.revision, revision);
  }));

Deno.test("reconcileExposure() looks again soon for a missing program, and reports it on the service", () =>
  withMemoryRoom(async (room) => {
    await keep(room.store, makeService(EXPOSED));
    const missing = new RuneError("failed_precondition", "Caddy is not installed", { hint: "install it" });
    const { outcome } = await pass(room, () => Promise.reject(missing));
    assert.equal(outcome.type, "again");
    assert.match(JSON.stringify(exposureOf(room)), /Caddy is not installed; install it/);
    await pass(room);
    assert.doesNotMatch(JSON.stringify(exposureOf(room)), /not installed/);
  }));

Deno.test("reconcileExposure() fails and is retried when the proxy does not answer", () =>
  withMemoryRoom(async (room) => {
    await keep(room.store, makeService(EXPOSED));
    const { outcome } = await pass(room, () => Promise.reject(new RuneError("unavailable", "it is away")));
    assert.equal(outcome.type, "failed");
    assert.match(JSON.stringify(exposureOf(room)), /it is away/);
  }));

Deno.test("reconcileExposure() writes nothing to a service whose host name changed meanwhile, or that was replaced", () =>
  withMemoryRoom(async (room) => {
    await keep(room.store, makeService(EXPOSED));
    const change = () =>
      room.store.transact((tx) => {
        const service = tx.get("service", "default", "web")!;
        const expose = { ...service.spec.expose!, host: "other.example.com" };
        tx.update(service, { spec: { ...service.spec, expose } });
      });
    await pass(room, async () => {
      await change();
      return URLS;
    });
    assert.equal(exposureOf(room), undefined);
  }));

Deno.test("reconcileExposure() applies no routes when nothing is exposed", () =>
  withMemoryRoom(async (room) => {
    await keep(room.store, makeService());
    assert.deepEqual((await pass(room)).routes, []);
    assert.equal(exposureOf(room), undefined);
  }));
