import assert from "node:assert/strict";
import { findSecrets, isMasked, maskSecrets } from "./secret_parameters.ts";

const TOKEN = "dop_v1_0123456789abcdef";
const LITERAL = { region: "nyc3", apiToken: TOKEN };

Deno.test("maskSecrets() masks a literal secret in any storage parameters, however deep", () => {
  const value = {
    spec: { parameters: LITERAL, template: { volumes: [{ claimTemplate: { parameters: LITERAL } }] } },
    status: { driverParameters: LITERAL },
  };
  const masked = { region: "nyc3", apiToken: "(hidden)" };
  assert.deepEqual(maskSecrets(value), {
    spec: { parameters: masked, template: { volumes: [{ claimTemplate: { parameters: masked } }] } },
    status: { driverParameters: masked },
  });
  assert.equal(value.spec.parameters.apiToken, TOKEN);
});

Deno.test("maskSecrets() leaves references, other parameters and other fields of that name alone", () => {
  const value = {
    spec: { parameters: { apiToken: "secret:a.b.rune/token", region: "nyc3" } },
    env: { apiToken: "x", parameters: "apiToken" },
    list: [null, 1, "a"],
  };
  assert.equal(maskSecrets(value), value);
});

Deno.test("maskSecrets() says of a secret that it changed, and never from what to what", () => {
  const of = (apiToken?: string) => ({ parameters: { ...(apiToken !== undefined && { apiToken }) } });
  const maskToken = (after: string, before?: string) =>
    maskSecrets(of(after), { before: of(before) }).parameters.apiToken;
  assert.deepEqual(
    [
      maskToken("a", "a"),
      maskToken("a", "b"),
      maskToken("a"),
      maskToken("a", "secret:a/b"),
      maskToken("secret:a/b", "a"),
    ],
    ["(hidden)", "(changed)", "(hidden)", "(changed)", "secret:a/b"],
  );
});

Deno.test("findSecrets() gives the path of each literal secret", () => {
  const volumes = [{ name: "a" }, { claimTemplate: { parameters: LITERAL } }];
  assert.deepEqual(findSecrets({ parameters: LITERAL, volumes }), [
    "parameters.apiToken",
    "volumes[1].claimTemplate.parameters.apiToken",
  ]);
  assert.deepEqual(findSecrets({ parameters: { apiToken: "secret:a/b" } }), []);
});

Deno.test("isMasked() finds the mask only where a secret would stand", () => {
  assert.equal(isMasked({ apiToken: "(hidden)" }), true);
  assert.equal(isMasked({ region: "(hidden)" }), false);
  assert.equal(isMasked(LITERAL), false);
});
