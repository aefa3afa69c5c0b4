import assert from "node:assert/strict";
import { credentialsOf } from "./registries.ts";

const secrets: Record<string, Record<string, string>> = {
  "default/basic": { username: "u", password: "p" },
  "infra/token": { token: "t" },
  "default/odd": { user: "u" },
};
const readSecret = (namespace: string, name: string) => Promise.resolve(secrets[`${namespace}/${name}`]);

Deno.test("credentialsOf() takes what is written, or what the secret holds now, and says what is missing", async () => {
  const of = (auth: { secret?: string; token?: string; username?: string; password?: string }) =>
    credentialsOf({ match: "ghcr.io", ...auth }, readSecret);
  assert.deepEqual(await of({ username: "a", password: "b" }), { username: "a", password: "b" });
  assert.deepEqual(await of({ token: "x" }), { token: "x" });
  assert.deepEqual(await of({ secret: "basic" }), { username: "u", password: "p" });
  assert.deepEqual(await of({ secret: "token.infra.rune" }), { token: "t" });
  await assert.rejects(of({ secret: "gone" }), {
    code: "not_found",
    permanent: false,
    message: /default\/gone.*exist/,
  });
  await assert.rejects(of({ secret: "odd" }), { code: "not_found", message: /neither token nor username/ });
});
