import assert from "node:assert/strict";
import { okJson, service, volume, withServer } from "../api/server_fixture.ts";
import { FINALIZERS } from "../../model/marks.ts";
import { makeService } from "../../reconcile/testing/resources.ts";
import { makeInitialState } from "./initial_state.ts";

Deno.test("makeInitialState() gives a stopped service its state at once, and any other one to its controller", () => {
  const stateOf = (scale: number) => {
    const { status, finalizers } = makeInitialState("service", { ...makeService().spec, scale });
    return [status.state, status.observedGeneration, finalizers];
  };
  assert.deepEqual(stateOf(0), ["Stopped", 0, [FINALIZERS.instances]]);
  assert.deepEqual(stateOf(2), ["Pending", 0, [FINALIZERS.instances]]);
});

Deno.test("makeInitialState() keeps what has data on the host until its controller has let go of it", () =>
  withServer(async ({ cast, store }) => {
    await okJson(cast([
      volume("v"),
      service("web"),
      ["snapshot", { name: "s", source: { volume: "v" } }],
      ["configmap", { name: "c" }],
      ["secret", { name: "s", data: {} }],
    ]));
    const finalizersOf = (kind: "volume" | "service" | "snapshot" | "configmap" | "secret", name: string) =>
      store.get(kind, "default", name)!.finalizers;
    assert.deepEqual(finalizersOf("volume", "v"), [FINALIZERS.reclaim]);
    assert.deepEqual(finalizersOf("service", "web"), [FINALIZERS.instances]);
    assert.deepEqual(finalizersOf("snapshot", "s"), [FINALIZERS.snapshot]);
    assert.deepEqual(finalizersOf("configmap", "c"), []);
    assert.deepEqual(finalizersOf("secret", "s"), []);
  }));
