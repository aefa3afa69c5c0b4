import assert from "node:assert/strict";
import { logEvents } from "./log_stream.ts";
import { okJson, process, withServer } from "../server_fixture.ts";

Deno.test("logEvents() follows one service, and ends when another one takes its name", () =>
  withServer(async ({ store, deps, cast }) => {
    await okJson(cast([process("web", { scale: 0 })]));
    const { uid } = store.get("service", "default", "web")!;
    const request = { follow: true, previous: false };
    const target = { kind: "service", namespace: "default", name: "web" } as const;
    const { signal } = new AbortController();
    const events = await logEvents(deps, { target, request, signal });
    const lines = Array.fromAsync(events(signal));
    await store.transact((tx) => {
      const { kind, namespace, name, labels, spec, status } = tx.get("service", "default", "web")!;
      tx.remove({ kind, namespace, name });
      tx.create({ kind, namespace, name, labels, spec, status });
    });
    assert.notEqual(store.get("service", "default", "web")!.uid, uid);
    assert.deepEqual((await lines).filter(({ event }) => event === "line"), []);
  }));
