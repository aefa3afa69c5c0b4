import assert from "node:assert/strict";
import { templateOf } from "../../model/instance.ts";
import { serviceSpec } from "../testing/resources.ts";
import type { ReadData } from "./data.ts";
import { resolveConfig } from "./resolve.ts";

const DATA: Record<string, Record<string, string>> = {
  "configmap default/app": { A: "1", B: "1", "c.conf": "text", NUL: "a\0b" },
  "configmap shared/app": { B: "2" },
  "secret default/db": { PASSWORD: "s3cret" },
  "configmap default/strange": { proto__: "x", constructor: "y" },
};
const readData: ReadData = (kind, namespace, name) => Promise.resolve(DATA[`${kind} ${namespace}/${name}`]);
const resolve = (fields: Record<string, unknown>, owner?: { user: number; group: number }) =>
  resolveConfig(templateOf(serviceSpec(fields)), { namespace: "default", readData, ...(owner && { owner }) });

Deno.test("resolveConfig() lets later sources win, adds prefixes, and reports keys that cannot be variables", async () => {
  const envFrom = [
    { configName: "app" },
    { configName: "app.shared.rune" },
    { secretName: "db", prefix: "DB_" },
  ];
  const { env, secretEnv, skipped } = await resolve({ envFrom });
  assert.deepEqual(env, { A: "1", B: "2" });
  assert.deepEqual(secretEnv, { DB_PASSWORD: "s3cret" });
  assert.equal(skipped.length, 1);
  assert.match(skipped[0]!, /^configmap default\/app: .*: NUL, c\.conf$/);
});

Deno.test("resolveConfig() gives in-memory secrets mode 0400, configmaps mode 0444, and both the service's numeric user", async () => {
  const { mounts } = await resolve({
    securityContext: { user: 1000 },
    secretMounts: [{ secretName: "db", mountPath: "/s" }],
    configMounts: [{
      configName: "app",
      mountPath: "/c",
      items: [{ key: "c.conf", path: "d/c" }],
      user: 5,
      mode: "0640",
    }],
  });
  assert.deepEqual(mounts.map(({ inMemory, mode, user }) => [inMemory, mode, user]), [
    [true, 0o400, 1000],
    [false, 0o640, 5],
  ]);
  assert.deepEqual(mounts.map(({ files }) => files), [
    [{ path: "PASSWORD", text: "s3cret" }],
    [{ path: "d/c", text: "text" }],
  ]);
});

Deno.test("resolveConfig() gives files the owner that the runner names, unless their mount names another", async () => {
  const secret = { secretName: "db", mountPath: "/s" };
  const { mounts } = await resolve(
    { securityContext: { user: "nobody" }, secretMounts: [secret, { ...secret, mountPath: "/t", user: 5 }] },
    { user: 65534, group: 65534 },
  );
  assert.deepEqual(mounts.map(({ user, group }) => [user, group]), [[65534, 65534], [5, 65534]]);
});

Deno.test("resolveConfig() fails for a removed resource, so that the launch is retried", async () => {
  const gone = resolve({ envFrom: [{ configName: "nope" }] });
  await assert.rejects(gone, {
    code: "not_found",
    permanent: false,
    message: "configmap default/nope does not exist",
  });
});

Deno.test("resolveConfig() reports a prefix that yields __proto__, and does not treat inherited names as keys", async () => {
  const { env, skipped } = await resolve({ envFrom: [{ configName: "strange", prefix: "__" }] });
  assert.deepEqual(Object.entries(env), [["__constructor", "y"]]);
  assert.match(skipped[0]!, /__proto__/);
  const mount = { configName: "app", mountPath: "/c", items: [{ key: "constructor", path: "c" }] };
  await assert.rejects(resolve({ configMounts: [mount] }), /has no key "constructor"/);
});
