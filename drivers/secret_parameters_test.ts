import assert from "node:assert/strict";
import { driverDocs } from "./registry.ts";
import { isLiteralSecret, SECRET_PARAMETERS } from "./secret_parameters.ts";

Deno.test("SECRET_PARAMETERS has the secret parameters of every driver in the registry", () => {
  const secret = driverDocs().flatMap(({ parameters }) =>
    Object.entries(parameters).filter(([, doc]) => doc.secret).map(([key]) => key)
  );
  assert.deepEqual([...SECRET_PARAMETERS].sort(), [...new Set(secret)].sort());
  assert.ok(SECRET_PARAMETERS.has("apiToken"));
});

Deno.test("no two drivers use one parameter, once for a secret and once for something to show", () => {
  const shown = driverDocs().flatMap(({ parameters }) =>
    Object.entries(parameters).filter(([, doc]) => !doc.secret).map(([key]) => key)
  );
  assert.deepEqual(shown.filter((key) => SECRET_PARAMETERS.has(key)), []);
});

Deno.test("isLiteralSecret() tells values from references, and secrets from other parameters", () => {
  assert.equal(isLiteralSecret("apiToken", "dop_v1_0"), true);
  assert.equal(isLiteralSecret("apiToken", "secret:a/b"), false);
  assert.equal(isLiteralSecret("region", "nyc3"), false);
  assert.equal(isLiteralSecret("apiToken", undefined), false);
});
