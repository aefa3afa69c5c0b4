import assert from "node:assert/strict";
import type { Driver, VolumeContext } from "../drivers/driver.ts";
import { RuneError } from "../model/error.ts";
import type { SecretReader } from "../store/secrets/vault.ts";
import { resolvingDrivers } from "./resolving_driver.ts";
import { resolveSecretEnv } from "./secret_refs.ts";

const values: Record<string, Record<string, string>> = {
  "shared/do": { token: "t1" },
  "prod/own": { key: "k" },
};
const secrets: SecretReader = {
  readSecret(namespace, name) {
    const data = values[`${namespace}/${name}`];
    return data
      ? Promise.resolve(data)
      : Promise.reject(new RuneError("not_found", `there is no secret ${namespace}/${name}`));
  },
};

const context = (parameters: Record<string, string>): VolumeContext => ({
  volume: { namespace: "prod", name: "v", uid: "u", sizeBytes: 1, accessMode: "ReadWriteOnce" },
  parameters,
  node: "n",
  signal: new AbortController().signal,
});

/** A driver with private state, which notes the parameters of each call. */
class Noting {
  readonly name = "noting";
  #calls: Record<string, string>[] = [];
  provision(ctx: VolumeContext) {
    this.#calls.push(ctx.parameters);
    return Promise.resolve({ handle: "h", adopted: false });
  }
  deleteSnapshot(ctx: VolumeContext, snapshot: { name: string }) {
    this.#calls.push({ ...ctx.parameters, snapshot: snapshot.name });
    return Promise.resolve();
  }
  validate({ parameters }: { parameters: Record<string, string> }) {
    this.#calls.push(parameters);
  }
  get calls() {
    return this.#calls;
  }
}

Deno.test("resolvingDrivers() resolves references at every call, so that rotation reaches the next, and in no other place", async () => {
  const inner = new Noting();
  const driver = resolvingDrivers(new Map([["noting", inner as unknown as Driver]]), secrets).get("noting")!;
  const ctx = context({ region: "fra", token: "secret:do.shared.rune/token", key: "secret:own/key" });
  await driver.provision(ctx);
  values["shared/do"] = { token: "t2" };
  await driver.deleteSnapshot(ctx, { namespace: "prod", name: "s", uid: "" });
  driver.validate({
    namespace: "prod",
    name: "v",
    sizeBytes: 1,
    accessMode: "ReadWriteOnce",
    parameters: ctx.parameters,
  });
  assert.deepEqual(inner.calls, [
    { region: "fra", token: "t1", key: "k" },
    { region: "fra", token: "t2", key: "k", snapshot: "s" },
    ctx.parameters,
  ]);
  assert.equal(ctx.parameters.token, "secret:do.shared.rune/token");
  assert.equal(driver.usage, undefined);
});

Deno.test("a reference to what is missing fails with its exact name", async () => {
  const inner = new Noting();
  const driver = resolvingDrivers(new Map([["noting", inner as unknown as Driver]]), secrets).get("noting")!;
  const fails = (value: string, message: string) =>
    assert.rejects(driver.provision(context({ token: value })), { code: "not_found", message });
  await fails("secret:none/token", "parameter token: there is no secret prod/none");
  await fails("secret:do.shared.rune/tokn", 'parameter token: secret shared/do has no key "tokn"');
  await fails(
    "secret:do.shared.rune/constructor",
    'parameter token: secret shared/do has no key "constructor"',
  );
  assert.deepEqual(inner.calls, []);
});

Deno.test("resolveSecretEnv() replaces references within text and leaves everything else out", async () => {
  const env = { A: "plain {{ other }}", B: "u:{{secret:own/key}}@{{ secret:do.shared.rune/token }}", C: "" };
  values["shared/do"] = { token: "$&{{ secret:own/key }}" };
  assert.deepEqual(await resolveSecretEnv(env, { namespace: "prod", secrets }), {
    B: "u:k@$&{{ secret:own/key }}",
  });
});
