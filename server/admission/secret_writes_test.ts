import assert from "node:assert/strict";
import { parseSet } from "./cast.ts";
import { okJson, type TestServer, withServer } from "../api/server_fixture.ts";
import {
  checkSecretLimits,
  discardSecrets,
  prepareSecrets,
  SECRET_LIMITS,
  StaleSecret,
  writeSealed,
} from "./secret_writes.ts";

const set = (data: Record<string, string>) => parseSet([{ kind: "secret", body: { name: "s", data } }]);
const prepare = async ({ store, deps }: TestServer, data: Record<string, string>, dryRun = false) =>
  (await prepareSecrets(set(data), { store, vault: deps.secrets, dryRun })).get("default/s")!;
const castSecret = (server: TestServer, data: Record<string, string>) =>
  okJson(server.cast([["secret", { name: "s", data }]]));

Deno.test("prepareSecrets() says which keys change and never a value", () =>
  withServer(async (server) => {
    await castSecret(server, { kept: "one-value", changed: "two-value", gone: "three-value" });
    const prepared = await prepare(server, { kept: "one-value", changed: "new-value", fresh: "last-value" });
    assert.deepEqual(prepared.changes, [
      { path: "data.changed", from: "(hidden)", to: "(changed)" },
      { path: "data.fresh", to: "(hidden)" },
      { path: "data.gone", from: "(hidden)" },
    ]);
    assert.deepEqual(prepared.spec, { keys: ["changed", "fresh", "kept"], version: 2 });
    assert.doesNotMatch(JSON.stringify(prepared), /-value/);
  }));

Deno.test("prepareSecrets() encrypts nothing again that is as it was, and nothing in a dry run", () =>
  withServer(async (server) => {
    await castSecret(server, { a: "1" });
    const stored = server.store.get("sealedSecret", "default", "s")!.spec;
    const same = await prepare(server, { a: "1" });
    assert.deepEqual([same.sealed, same.changes, same.spec.version], [undefined, [], 1]);
    assert.equal(same.basis, stored.keyId);
    const dry = await prepare(server, { a: "2" }, true);
    assert.deepEqual([dry.sealed, dry.spec.version], [undefined, 2]);
  }));

Deno.test("writeSealed() refuses what was prepared beside another write, and that one stays", () =>
  withServer(async (server) => {
    const { store, deps } = server;
    await castSecret(server, { a: "1" });
    const late = await prepare(server, { a: "late" });
    await castSecret(server, { a: "2" });
    await assert.rejects(
      store.transact((tx) => writeSealed(tx, { namespace: "default", name: "s" }, late)),
      StaleSecret,
    );
    assert.deepEqual(await deps.secrets.readSecret("default", "s"), { a: "2" });
    await discardSecrets(new Map([["default/s", late]]), deps.secrets);
    assert.deepEqual(await deps.secrets.readSecret("default", "s"), { a: "2" });
  }));

Deno.test("a cast that is refused leaves the values of its secrets as they were", () =>
  withServer(async (server) => {
    await castSecret(server, { a: "1" });
    const answer = await server.cast([
      ["secret", { name: "s", data: { a: "2" } }],
      ["volume", { name: "v", size: "1Gi", accessMode: "ReadWriteMany" }],
    ]);
    assert.equal(answer.status, 400);
    await answer.body?.cancel();
    assert.deepEqual(await server.deps.secrets.readSecret("default", "s"), { a: "1" });
    assert.equal(server.store.get("secret", "default", "s")!.spec.version, 1);
  }));

Deno.test("checkSecretLimits() counts keys, and bytes and not letters, and names keys alone", () => {
  const limits = { keys: 2, valueBytes: 4 };
  assert.deepEqual(checkSecretLimits({ a: "ééé", b: "1234" }, limits), [{
    path: ["data", "a"],
    message: "expected a value of at most 4 bytes, found 6",
    hint: "put large files on a volume",
  }]);
  assert.deepEqual(checkSecretLimits({ a: "", b: "", c: "" }, limits), [
    { path: ["data"], message: "expected at most 2 keys, found 3" },
  ]);
  assert.deepEqual(checkSecretLimits({ a: "x".repeat(SECRET_LIMITS.valueBytes) }, SECRET_LIMITS), []);
});
