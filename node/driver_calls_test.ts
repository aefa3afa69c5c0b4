import assert from "node:assert/strict";
import type { AccountContext, Driver, VolumeContext } from "../drivers/driver.ts";
import { FilesystemAway } from "../model/filesystem.ts";
import { LocalDriver } from "../drivers/local/local_driver.ts";
import { DRIVER_CALLS, wrapDriver } from "./driver_calls.ts";
import { fixedSecrets, noteCalls } from "./testing/drivers.ts";
import type { VolumeCall } from "./volume_call.ts";
import type { FinishedCall } from "./observer.ts";
import { fixedInstallation } from "./testing/installation.ts";

const callOn = (name: string, parameters: Record<string, string> = {}): VolumeCall => ({
  volume: { namespace: "prod", name, uid: `u-${name}`, sizeBytes: 1, accessMode: "ReadWriteOnce" },
  parameters,
  blank: false,
  signal: new AbortController().signal,
});
const secrets = fixedSecrets();
/** Names of the calls that end by themselves. */
const TIMED = Object.entries(DRIVER_CALLS).flatMap(([name, rule]) => typeof rule === "string" ? [] : [name]);

Deno.test("wrapDriver() ends every call of a driver that hangs with deadline_exceeded, and its caller may try again", async () => {
  const stuck = Object.fromEntries(TIMED.map((call) => [call, () => new Promise<never>(() => {})]));
  const inner = { name: "stuck", capabilities: {}, ...stuck } as unknown as Driver;
  const driver = wrapDriver(inner, {
    node: "n1",
    installation: fixedInstallation("i1"),
    secrets,
    mostMs: 20,
  });
  for (const call of TIMED) {
    const work = (driver as unknown as Record<string, (call: unknown) => Promise<unknown>>)[call]!;
    await assert.rejects(work(callOn("a")), { code: "deadline_exceeded", permanent: false }, call);
  }
});

Deno.test("wrapDriver() closes what a call opened when nobody waited for it any more", async () => {
  const closed = Promise.withResolvers<string>();
  const opened = Promise.withResolvers<unknown>();
  const inner = { name: "late", capabilities: {}, open: () => opened.promise } as unknown as Driver;
  const driver = wrapDriver(inner, { node: "n1", installation: fixedInstallation("i1"), secrets, mostMs: 5 });
  await assert.rejects(driver.open!(callOn("a")), { code: "deadline_exceeded" });
  opened.resolve({ close: () => closed.resolve("closed") });
  assert.equal(await closed.promise, "closed");
});

Deno.test("wrapDriver() reports each call once, with ok or the code of its error, and changes nothing else", async () => {
  const root = await Deno.makeTempDir({ prefix: "rune-observe-" });
  const calls: FinishedCall[] = [];
  try {
    const inner = new LocalDriver({ root });
    const driver = wrapDriver(inner, {
      node: "n1",
      installation: fixedInstallation("i1"),
      secrets,
      onCall: (call) => calls.push(call),
    });
    const { handle } = await driver.provision(callOn("a"));
    assert.match(handle, /prod\/a$/);
    await assert.rejects(driver.mount(callOn("none")), { code: "unavailable" });
    driver.validate({ ...callOn("a").volume, parameters: {} });
    assert.equal(driver.capabilities.snapshots, true);
    assert.deepEqual(calls.map(({ of, call, result }) => `${of} ${call} ${result}`), [
      "local provision ok",
      "local mount unavailable",
    ]);
    assert.ok(calls.every(({ seconds }) => seconds >= 0 && seconds < 60));
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("wrapDriver() gives every call about a volume the values of secrets, and the name of the node", async () => {
  const seen: VolumeContext[] = [];
  const names = Object.entries(DRIVER_CALLS).flatMap(([name, rule]) =>
    typeof rule !== "string" && rule.resolves === "volume" ? [name] : []
  );
  const inner = Object.fromEntries(names.map((name) => [name, async (ctx: VolumeContext) => {
    await Promise.resolve();
    seen.push(ctx);
  }]));
  const driver = wrapDriver({ name: "noting", capabilities: {}, ...inner } as unknown as Driver, {
    node: "n1",
    installation: fixedInstallation("i1"),
    secrets: fixedSecrets({ "prod/own": { key: "value" } }),
  });
  const calls = driver as unknown as Record<string, (call: VolumeCall) => Promise<unknown>>;
  for (const name of names) await calls[name]!(callOn("a", { key: "secret:own/key" }));
  assert.deepEqual(
    seen.map(({ parameters, node }) => [parameters.key, node]),
    names.map(() => ["value", "n1"]),
  );
});

Deno.test("wrapDriver() gives a call about an account the values of secrets, and keeps no name for it", async () => {
  const seen: unknown[] = [];
  const inner = {
    name: "cloud",
    capabilities: { usesInstallation: true },
    listVolumes: (ctx: AccountContext) => Promise.resolve(seen.push(ctx.parameters)),
  } as unknown as Driver;
  const driver = wrapDriver(inner, {
    node: "n1",
    installation: { name: "i1", keep: () => Promise.reject(new Error("kept")) },
    secrets: fixedSecrets({ "prod/own": { key: "value" } }),
  });
  const { signal } = new AbortController();
  const listOf = (key: string) => driver.listVolumes!({ namespace: "prod", parameters: { key }, signal });
  await listOf("secret:own/key");
  await assert.rejects(listOf("secret:none/key"), { code: "not_found" });
  assert.deepEqual(seen, [{ key: "value" }]);
});

Deno.test("wrapDriver() resolves references at every call, so that rotation reaches the next", async () => {
  const values: Record<string, Record<string, string>> = {
    "shared/do": { token: "t1" },
    "prod/own": { key: "k" },
  };
  const inner = noteCalls("noting");
  const driver = wrapDriver(inner.driver, {
    node: "n1",
    installation: fixedInstallation("i1"),
    secrets: fixedSecrets(values),
  });
  const call = callOn("v", { region: "fra", token: "secret:do.shared.rune/token", key: "secret:own/key" });
  await driver.provision(call);
  values["shared/do"] = { token: "t2" };
  await driver.deleteSnapshot(call, { namespace: "prod", name: "s", uid: "" });
  assert.deepEqual(inner.calls, [
    { call: "provision", parameters: { region: "fra", token: "t1", key: "k" } },
    { call: "deleteSnapshot", parameters: { region: "fra", token: "t2", key: "k" } },
  ]);
  assert.equal(call.parameters.token, "secret:do.shared.rune/token");
});

Deno.test("wrapDriver() keeps the name of the installation before a driver can make names from it, and for no other", async () => {
  const happened: string[] = [];
  const installation = { name: "i1", keep: async () => void happened.push(await Promise.resolve("kept")) };
  for (const capabilities of [{}, { usesInstallation: true }]) {
    const provision = (ctx: VolumeContext) => Promise.resolve(happened.push(ctx.installation));
    const inner = { name: "noting", capabilities, provision } as unknown as Driver;
    await wrapDriver(inner, { node: "n1", installation, secrets }).provision(callOn("a"));
  }
  assert.deepEqual(happened, ["i1", "kept", "i1"]);
  const full = { name: "i1", keep: () => Promise.reject(new Error("disk full")) };
  const inner = noteCalls("noting");
  Object.assign(inner.driver.capabilities, { usesInstallation: true });
  await assert.rejects(
    wrapDriver(inner.driver, { node: "n1", installation: full, secrets }).provision(callOn("a")),
    /disk full/,
  );
  assert.deepEqual(inner.calls, []);
});

Deno.test("wrapDriver() lets a driver judge a declaration as it was written, and keeps absent calls absent", () => {
  const judged: Record<string, string>[] = [];
  const inner = { name: "judge", validate: ({ parameters }: VolumeCall) => judged.push(parameters) };
  const driver = wrapDriver(inner as unknown as Driver, {
    node: "n1",
    installation: fixedInstallation("i1"),
    secrets,
  });
  driver.validate({ ...callOn("v").volume, parameters: { token: "secret:do/token" } });
  assert.deepEqual(judged, [{ token: "secret:do/token" }]);
  assert.equal(driver.usage, undefined);
  assert.equal(driver.directory, undefined);
});

Deno.test("wrapDriver() fails a call whose secret is missing with its exact name, before the driver is called", async () => {
  const inner = noteCalls("noting");
  const driver = wrapDriver(inner.driver, {
    node: "n1",
    installation: fixedInstallation("i1"),
    secrets: fixedSecrets({ "shared/do": { token: "t" } }),
  });
  const fails = (value: string, message: string) =>
    assert.rejects(driver.provision(callOn("v", { token: value })), { code: "not_found", message });
  await fails("secret:none/token", "parameter token: there is no secret prod/none");
  await fails("secret:do.shared.rune/tokn", 'parameter token: secret shared/do has no key "tokn"');
  await fails(
    "secret:do.shared.rune/constructor",
    'parameter token: secret shared/do has no key "constructor"',
  );
  assert.deepEqual(inner.calls, []);
});

Deno.test("wrapDriver() refuses every guarded call, and no other, while another filesystem is where the volume's own was", async () => {
  const [own, other] = ["own", "other"].map((id) => ({ type: "ext4", id, mountPoint: "/data", path: "/v" }));
  const noting = noteCalls("noting", { filesystem: () => other });
  const driver = wrapDriver(noting.driver, { node: "n1", installation: fixedInstallation("i1"), secrets });
  const calls = driver as unknown as Record<string, (call: VolumeCall) => Promise<unknown>>;
  const listReached = async (call: VolumeCall) => {
    const names: string[] = [];
    for (const [name, rule] of Object.entries(DRIVER_CALLS)) {
      if (typeof rule === "string" || rule.resolves !== "volume") continue;
      await calls[name]!(call).then(() => names.push(name), (error) => {
        if (!(error instanceof FilesystemAway)) throw error;
      });
    }
    return names;
  };
  const away = { ...callOn("v"), filesystem: own! };
  assert.deepEqual(await listReached(away), ["filesystem", "attach", "detach", "open", "unmount"]);
  const all = Object.entries(DRIVER_CALLS).filter(([, rule]) =>
    typeof rule !== "string" && rule.resolves === "volume"
  );
  assert.equal((await listReached({ ...away, acceptFilesystem: true })).length, all.length);
});
