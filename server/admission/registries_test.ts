import assert from "node:assert/strict";
import type { RegistrySpec } from "../../model/registry.ts";
import type { Reader } from "../../store/store.ts";
import { missingSecretError } from "../../store/secrets/vault.ts";
import { listRegistries, registrySchema } from "./registries.ts";

const VALUES: Record<string, Record<string, string>> = {
  "default/basic": { username: "u", password: "p" },
  "infra/token": { token: "t" },
  "default/file": { username: "u", password: " p \n" },
  "default/odd": { user: "u" },
  "/ghcr.io": { token: "sealed" },
};
const secrets = {
  async readSecret(namespace: string, name: string) {
    const found = VALUES[`${namespace}/${name}`];
    if (!found) throw missingSecretError({ namespace, name });
    return found;
  },
};

/** All entries of a runefile and a store. */
function entries(runefile: object[], stored: Record<string, RegistrySpec> = {}) {
  const list = () => Object.entries(stored).map(([name, spec]) => ({ name, spec }));
  return listRegistries({
    runefile: runefile.map((registry) => registrySchema.parse(registry)),
    store: { list } as unknown as Reader,
    secrets,
  });
}

Deno.test("listRegistries() returns the given credentials or the secret's current ones, and says what is missing", async () => {
  const of = (auth: object) => entries([{ match: "ghcr.io", ...auth }])[0]!.credentials();
  assert.deepEqual(await of({ username: "a", password: "b" }), { username: "a", password: "b" });
  assert.deepEqual(await of({ token: "x" }), { token: "x" });
  assert.deepEqual(await of({ secret: "basic" }), { username: "u", password: "p" });
  assert.deepEqual(await of({ secret: "token.infra.rune" }), { token: "t" });
  assert.deepEqual(await of({ secret: "file" }), { username: "u", password: " p " }, "without its line end");
  await assert.rejects(of({ secret: "gone" }), {
    code: "not_found",
    permanent: false,
    message: /default\/gone, for docker.registries "ghcr.io", does not exist/,
  });
  await assert.rejects(of({ secret: "odd" }), { code: "not_found", message: /neither token nor username/ });
});

Deno.test("listRegistries() lists stored entries first, and views show where credentials are but not their values", async () => {
  const all = entries(
    [{ match: "ghcr.io", username: "a", password: "b" }, { match: "quay.io", token: "x" }],
    {
      "ghcr.io": { credentials: "token" },
      "a.io": { credentials: "secret", secret: { namespace: "infra", name: "token" } },
    },
  );
  assert.deepEqual(all.map(({ view }) => view), [
    { match: "ghcr.io", source: "stored", credentials: "token" },
    { match: "a.io", source: "stored", credentials: "secret", secret: "infra/token" },
    { match: "ghcr.io", source: "runefile", credentials: "basic" },
    { match: "quay.io", source: "runefile", credentials: "token" },
  ]);
  assert.deepEqual(await all[0]!.credentials(), { token: "sealed" });
  assert.deepEqual(await all[1]!.credentials(), { token: "t" });
});
