import assert from "node:assert/strict";
import { withServer } from "../api/server_fixture.ts";
import { makeWorld } from "./world_fixture.ts";
import { defaultClass, prefixIssues } from "./world.ts";

Deno.test("defaultClass() prefers the class that is marked to that of the runefile", () =>
  withServer(async (server) => {
    assert.equal(defaultClass(makeWorld(server, { defaultStorageClass: "other" })), "local");
    await server.store.transact((tx) => {
      const local = tx.get("storageClass", "", "local")!;
      tx.update(local, { spec: { ...local.spec, default: false } });
    });
    assert.equal(defaultClass(makeWorld(server, { defaultStorageClass: "other" })), "other");
    assert.equal(defaultClass(makeWorld(server)), undefined);
  }));

Deno.test("prefixIssues() puts issues below a field and keeps the rest of them", () => {
  assert.deepEqual(
    prefixIssues(["volumes", 1], [{ path: [], message: "a" }, { path: ["size"], message: "b", hint: "h" }]),
    [{ path: ["volumes", 1], message: "a" }, { path: ["volumes", 1, "size"], message: "b", hint: "h" }],
  );
});
