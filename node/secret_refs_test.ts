import assert from "node:assert/strict";
import { resolveSecretEnv } from "./secret_refs.ts";
import { fixedSecrets } from "./testing/drivers.ts";

Deno.test("resolveSecretEnv() replaces references within text and leaves everything else out", async () => {
  const env = { A: "plain {{ other }}", B: "u:{{secret:own/key}}@{{ secret:do.shared.rune/token }}", C: "" };
  const secrets = fixedSecrets({
    "prod/own": { key: "k" },
    "shared/do": { token: "$&{{ secret:own/key }}" },
  });
  assert.deepEqual(await resolveSecretEnv(env, { namespace: "prod", secrets }), {
    B: "u:k@$&{{ secret:own/key }}",
  });
});
